#include "datasets/sources/csv.h"

#include <set>

#include "datasets/image/image.h"
#include "datasets/samples/list_dialect.h"
#include "datasets/split/training_images.h"
#include "tests/datasets/sources/scratch.h"
#include "tests/support/pages.h"

namespace resolute::datasets::csv_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Csv : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* image : {"a/1.jpg", "a/2.jpg", "b/1.png", "b/2.png"}) touch(image);
  }
  void write(const std::string& text) { std::ofstream(root_ / "images.csv", std::ios::binary) << text; }
  std::string refusal_of(const std::string& text) {
    write(text);
    return refusal(Source::kCsv);
  }
  std::vector<Sample> list() { return list_samples(files_, Source::kCsv, root_); }

  const std::string good_ =
      "path,identity,camera,subset,rate\n"
      "a/1.jpg,1,1,train,1\n"
      "a/2.jpg,1,2,train,0\n"
      "b/1.png,7,1,gallery,1\n"
      "b/2.png,7,2,query,3\n";
  const std::vector<Sample> samples_ = {{"a/1.jpg", 1, 1, "train", 1},
                                        {"a/2.jpg", 1, 2, "train", 0},
                                        {"b/1.png", 7, 1, "gallery", 1},
                                        {"b/2.png", 7, 2, "query", 3}};
};

TEST_F(Csv, lists_what_the_file_says) {
  write(good_);
  EXPECT_EQ(list(), samples_);
}

TEST_F(Csv, images_beside_those_that_it_names_are_counted) {
  const auto left_out = [&] { return list_data_set(files_, Source::kCsv, root_).left_out; };
  write(good_);
  EXPECT_THAT(left_out(), testing::IsEmpty());
  for (const char* other : {"a/3.JPG", "b/4.png", "b/Thumbs.db", "b/._2.png", "elsewhere/1.jpg"}) touch(other);
  EXPECT_THAT(left_out(), ElementsAre(testing::Pair("in no list that is read", 2)));
}

TEST_F(Csv, columns_may_stand_in_any_order) {
  write(
      "rate,camera,path,subset,identity\n1,1,a/1.jpg,train,1\n0,2,a/2.jpg,train,1\n"
      "1,1,b/1.png,gallery,7\n3,2,b/2.png,query,7\n");
  EXPECT_EQ(list(), samples_);
}

TEST_F(Csv, subset_and_rate_may_be_left_out) {
  write("path,identity,camera\na/1.jpg,1,1\nb/2.png,0001,02\nb/1.png,0,1\n");
  EXPECT_THAT(list(), ElementsAre(Sample{"a/1.jpg", 1, 1, "gallery", 1}, Sample{"b/1.png", 0, 1, "gallery", 1},
                                  Sample{"b/2.png", 1, 2, "gallery", 1}));
}

TEST_F(Csv, what_spreadsheets_write_is_taken) {
  std::string text = good_;
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.insert(at, "\r");
  write(text);
  EXPECT_EQ(list(), samples_);
  write("\xef\xbb\xbf" + text);
  EXPECT_EQ(list(), samples_);
  write(text.substr(0, text.size() - 2));  // no end of the last line
  EXPECT_EQ(list(), samples_);
  write("\"path\",\"identity\",camera\n\"a/1.jpg\",\"1\",1\n\"a/2.jpg\",1,\"2\"\n");
  EXPECT_EQ(list().size(), 2U);
}

TEST_F(Csv, other_delimiters_names_and_numbers_that_tables_have_are_taken) {
  const std::vector<Sample> two{{"a/1.jpg", 12, 1, "gallery"}, {"a/2.jpg", 12, 2, "gallery"}};
  for (const char* text : {
           "path;identity;camera\na/1.jpg;12;1\na/2.jpg;12;2\n",
           "path\tidentity\tcamera\na/1.jpg\t12\t1\na/2.jpg\t12\t2\n",
           "sep=,\r\npath,identity,camera\r\na/1.jpg,12,1\r\na/2.jpg,12,2\r\n",
           "\xef\xbb\xbfsep=;\npath;identity;camera\na/1.jpg;12;1\na/2.jpg;12;2\n",
           "path,identity,camera\na/1.jpg,12.0,1\na/2.jpg,12,2.0\n",
           "path,identity,camera\na/1.jpg,12,C1\na/2.jpg,12,c2\n",
           ",path,identity,camera\n0,a/1.jpg,12,1\n1,a/2.jpg,12,2\n",
           "path,identity,camera,,\na/1.jpg,12,1,,\na/2.jpg,12,2,,note\n",
           "path,identity,camera\na/1.jpg,12,1\na/2.jpg,12,2\n,,\r\n\n\n",
           "FileName,PID,CamID\na/1.jpg,12,1\na/2.jpg,12,2\n",
           "image,person_id,cam\na/1.jpg,12,1\na/2.jpg,12,2\n",
       }) {
    write(text);
    EXPECT_EQ(list(), two) << text;
  }
  // A comma is no delimiter where the header has another one; lines count from the file's first.
  touch("a,b.jpg");
  write("sep=;\npath;identity;camera\na,b.jpg;1;1\na/1.jpg;x;1\n");
  EXPECT_THAT(refusal(Source::kCsv), StartsWith("'images.csv', line 4: identity is 'x' ("));
}

TEST_F(Csv, numbers_that_begin_anew_in_the_test_are_told_as_one) {
  const auto refused = [&](int first, int train, int test) {
    std::string text = "path,identity,camera,subset\n";
    for (int i = 0; i < 2 * (train + test); ++i) {
      const bool trains = i < 2 * train;
      const int person = first + (trains ? i : i - 2 * train) / 2;
      const std::string path = fmt::format("{}/{}-{}.png", trains ? "train" : "test", person, i % 2);
      touch(path);
      text += fmt::format("{},{},{},{}\n", path, person, i % 2 + 1, trains ? "train" : "gallery");
    }
    write(text);
    std::vector<std::string> problems;
    try {
      list();
    } catch (const RefusedFiles& refusals) {
      for (const RefusedFile& one : refusals.named()) problems.push_back(one.problem);
    }
    return problems;
  };
  EXPECT_THAT(
      refused(1, 7, 4),
      ElementsAre("4 identities are both in training and in test, as 1 ('train/1-0.png' and 'test/1-0.png') (no "
                  "identity may be in both); if numbers begin anew in the test, add 7 to those of query and "
                  "gallery; if they are the same people, take them out of one"));
  EXPECT_THAT(
      refused(0, 4, 8),
      ElementsAre(
          "'images.csv', line 2: identity 0 is in the subset 'train', the first of 2 such lines: 2, 3 (0 marks a "
          "distractor, which belongs in the gallery alone); number identities from 1",
          "3 identities are both in training and in test, as 1 ('train/1-0.png' and 'test/1-0.png') (no "
          "identity may be in both); if numbers begin anew in the test, add 1 to all, and 4 more to those of "
          "query and gallery; if they are the same people, take them out of one"));
  EXPECT_EQ(refused(1, 2, 2).size(), 2U);  // two may be a slip: each is named
}

TEST_F(Csv, folders_of_another_layout_are_named_by_it) {
  touch("np/labeled/bounding_box_train/0001_c1_1.png");
  EXPECT_THAT(refusal_at(Source::kCsv, root_ / "np"),
              "'ROOT/np' has the layout of CUHK03-NP (the boxes drawn by hand and the detector's are a set each); read "
              "it as source 'cuhk03-np', or 'cuhk03-np-detected' for the detector's boxes");
  for (const Source source : {Source::kCsv, Source::kSysu, Source::kMarket1501})
    EXPECT_THAT(refusal_at(source, root_ / "np/labeled"),
                StartsWith("'ROOT/np/labeled' has the layout of CUHK03-NP (its people count anew in the test); read it "
                           "as source 'cuhk03-np', or"));
  touch("np/labeled/images.csv");
  EXPECT_THAT(refusal_at(Source::kCsv, root_ / "np/labeled"), StartsWith("'images.csv' is empty"));
  touch("msmt/list_train.txt");
  EXPECT_THAT(refusal_at(Source::kCsv, root_ / "msmt"),
              "'ROOT/msmt' has the layout of MSMT17 (its people count from 0, and anew in the test); read it as source "
              "'msmt17'");
  for (const auto& [landmark, source] :
       {std::pair("veri/image_train/0001_c001_00016450_0.jpg", "source 'veri-776'"),
        std::pair("vehicles/train_test_split/test_list_800.txt", "source 'vehicleid-800', "),
        std::pair("mlr/query/lr/0001_1_1.jpg", "source 'mlr-folders'")}) {
    touch(landmark);
    for (const Source asked : {Source::kCsv, Source::kMarket1501})
      EXPECT_THAT(refusal_at(asked, root_ / *fs::path(landmark).begin()),
                  testing::HasSubstr(fmt::format("; read it as {}", source)));
  }
  touch("named/bounding_box_train/0001_c1_1.png");
  touch("named/bounding_box_train/0002_c1s1_000451_03.jpg");
  EXPECT_THAT(refusal_at(Source::kCsv, root_ / "named"), StartsWith("file 'images.csv' is missing"));
}

TEST_F(Csv, names_with_commas_quotes_and_letters_of_any_language_are_taken) {
  const std::string first = "a/one, \"two\".jpg";
  const std::string second = "\xe5\x9b\xbe/\xc3\xa9 .jpg";
  touch(first);
  touch(second);
  write("path,identity,camera\n\"a/one, \"\"two\"\".jpg\",1,1\n" + second + ",1,2\n");
  EXPECT_THAT(list(), ElementsAre(Sample{first, 1, 1, "gallery"}, Sample{second, 1, 2, "gallery"}));
}

TEST_F(Csv, what_is_written_is_read_back) {
  std::vector<Sample> samples = samples_;
  samples[0].path = "\"\",\",\"";
  samples[1].path = " a,b ";
  std::vector<Sample> read;
  for (const auto& image : sources::parse_image_list(sources::image_list_text(samples), "list"))
    read.push_back(image.sample);
  EXPECT_EQ(read, samples);
}

TEST_F(Csv, headers_and_lists_that_do_not_fit_are_refused) {
  EXPECT_THAT(refusal(Source::kCsv), StartsWith("file 'images.csv' is missing in 'ROOT' (it lists the images"));
  const std::string head = "path,identity,camera\na/1.jpg,1,1\n";
  const std::string in_1 = "'images.csv', line 1: column ";
  const std::string in_3 = "'images.csv', line 3: ";
  for (const auto& [text, message] : std::vector<std::pair<std::string, testing::Matcher<std::string>>>{
           {"", StartsWith("'images.csv' is empty (its first line names columns, of path, ")},
           {"\n", StartsWith(in_1 + "'path' is missing (path, identity and camera are needed")},
           {"path,identity,camera\n", StartsWith("'images.csv' names no images (")},
           {"path,identity,camera,resolution\n",
            in_1 + "'resolution' is unknown (the first line names columns, of path, identity, camera, subset, rate); "
                   "rename it or take it out"},
           {"path,identity,camera,path\n", in_1 + "'path' is there twice; take one of the two out"},
           {"path,identity\n", StartsWith(in_1 + "'camera' is missing (")},
           {"path,PID,Identity,camera\n",
            "'images.csv', line 1: columns 'PID' and 'Identity' are both the identity; take one of the two out"},
           {"path,id,camera\n", StartsWith(in_1 + "'id' is unknown")},  // a line's as often as a person's
           {"path, identity,camera\n", StartsWith(in_1 + "' identity' is unknown")},
           {"path;identity,camera\n", StartsWith(in_1 + "'identity,camera' is unknown")},
           {"path|identity|camera\n", StartsWith(in_1 + "'path|identity|camera' is unknown")},
           {"sep=|\npath,identity,camera\n", StartsWith(in_1 + "'sep=|' is unknown")},
           {std::string("\xff\xfep\0a\0", 6),
            "'images.csv' is in UTF-16 (lists are in UTF-8); save it as UTF-8 text; Excel calls that 'CSV UTF-8'"},
           {std::string("\0p\0a", 4), StartsWith("'images.csv' is in UTF-16 (")},
           {"a/1.jpg,1,1\n", StartsWith(in_1 + "'a/1.jpg' is unknown")},
           {head + "c/1.jpg,1,2\n", StartsWith(in_3 + "image 'ROOT/c/1.jpg' is missing; ")},
           {head + "a/\u1112\u1161.jpg,1,2\n", HasSubstr("is missing (Unicode writes 'é' in two forms, ")},
           {head + "a/3.jpg,1,2\n", StartsWith(in_3 + "image 'ROOT/a/3.jpg' is missing; ")},
           {head + "a/2.jpg/3.jpg,1,2\n", StartsWith(in_3 + "image 'ROOT/a/2.jpg/3.jpg' is missing; ")},
           {head + "b,1,2\n", StartsWith(in_3 + "'ROOT/b' is no file; ")},
           {head + "a/2.jpg,1,1\n\"a/1.jpg\",2,2\n",
            "'images.csv', line 4: path 'a/1.jpg' is listed again (first in line 2); take one of the lines out"},
           {head + "a/2.jpg,2,1\n", StartsWith("identity 1 has only one image, 'a/1.jpg'")},
           {"path,identity,camera,subset\na/1.jpg,1,1,train\na/2.jpg,1,1,query\n",
            StartsWith("identity 1 is both in training ('a/1.jpg') and in test ('a/2.jpg')")}})
    EXPECT_THAT(refusal_of(text), message) << text;
}

TEST_F(Csv, lines_that_do_not_fit_are_refused_with_their_number) {
  const std::string head = "path,identity,camera,subset,rate\na/1.jpg,1,1,train,1\n";
  const std::string place = "'images.csv', line 3: ";
  for (const auto& [line, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"\na/2.jpg,1,2,train,1\n", "the line is empty (the header has 5); "},
           {"a/2.jpg,1,2\n", "the line has 3 fields (the header has 5); "},
           {"a/2.jpg,1,2,train,1,\n", "the line has 6 fields (the header has 5); "},
           {"a/2.jpg,-1,2,train,1\n", "identity is '-1' (it must be 0 to 999999999); "},
           {"a/2.jpg,1234567890,2,train,1\n", "identity is '1234567890' ("},
           {"a/2.jpg, 1,2,train,1\n", "identity is ' 1' ("},
           {"a/2.jpg,,2,train,1\n", "identity is '' ("},
           {"a/2.jpg,1.5,2,train,1\n", "identity is '1.5' ("},
           {"a/2.jpg,c1,2,train,1\n", "identity is 'c1' ("},
           {"a/2.jpg,.0,2,train,1\n", "identity is '.0' ("},
           {"a/2.jpg,1,0,train,1\n",
            "camera is 0 (cameras are numbered from 1); if they count from 0 there, add 1 to each"},
           {"a/2.jpg,1,cam2,train,1\n", "camera is 'cam2' ("},
           {"a/2.jpg,1,c0,train,1\n", "camera is 0 ("},
           {"a/2.jpg,1,-1,train,1\n", "camera is '-1' (it must be 1 to 999999999); "},
           {"a/2.jpg,1,c,train,1\n", "camera is 'c' ("},
           {"a/2.jpg,1,2,test,1\n", "subset is 'test' (it must be train, query, gallery); "},
           {"a/2.jpg,1,2,,1\n", "subset is '' ("},
           {"a/2.jpg,1,2,train,17\n", "rate is '17' (it must be 0 to 16); "},
           {"a/2.jpg,1,2,train,2.5\n", "rate is '2.5' ("},
           {"a/2.jpg,1,2,train,\n", "rate is '' ("},
           {"a/2.jpg,0,2,query,1\n", "identity 0 is in the subset 'query' (0 marks a distractor"},
           {"\"a/2.jpg,1,2,train,1\nb/1.png\",1,2,train,1\n", "a quoted field does not end ("},
           {"\"a/2.jpg\"x,1,2,train,1\n", "text follows the closing quote of 'a/2.jpg' ("},
           {"a/\"2\".jpg,1,2,train,1\n", "a quote stands inside of 'a/\"2\".jpg' ("},
           {"a/2.jpg,1,2,tr\tain,1\n", "the line has a control character, 0x09; take it out"},
           {"a/2.jpg,1,2,train,1\x1a\n", "the line has a control character, 0x1a; take it out"},  // DOS ends files so
           {"a/2.jpg,1,2,train,1\ra/3.jpg,1,2,train,1\n",
            "the line has a control character, 0x0d; end lines as Unix or Windows does"},
           {"a/\xff.jpg,1,2,train,1\n", "the line has bytes that are no letters of UTF-8; save the list as UTF-8 text"},
           {"a/\xc2\x85.jpg,1,2,train,1\n", "the line has bytes that are no letters of UTF-8; "}})
    EXPECT_THAT(refusal_of(head + line), StartsWith(place + message)) << line;
  EXPECT_THAT(refusal_of(head + std::string("a/2\0.jpg,1,2,train,1\n", 21)),
              StartsWith(place + "the line has a contr"));
}

TEST_F(Csv, cameras_that_count_from_0_are_told_in_one_line) {
  std::string text = "path,identity,camera\n";
  for (int i = 0; i < 10; ++i) text += fmt::format("a/{}.jpg,{},{}\n", i + 1, i / 2 + 1, i % 2);
  Remarks remarks;
  sources::parse_image_list(text, "list", remarks);
  EXPECT_EQ(tests::refusal([&] { remarks.throw_refused(); }),
            "'list', line 2: camera is 0, the first of 5 such lines: 2, 4, 6, 8, … (cameras are numbered from "
            "1); if they count from 0 there, add 1 to each");
}

TEST_F(Csv, paths_that_could_lead_elsewhere_are_refused) {
  for (const char* path : {"../a/1.jpg", "a/../../etc/passwd", "a/../a/1.jpg", "/etc/passwd", "./a/1.jpg", "a/./1.jpg",
                           "a//1.jpg", "a/1.jpg/", "a/..", "..", ".", "", "a\\1.jpg", "..\\1.jpg"})
    EXPECT_THAT(refusal_of(fmt::format("path,identity,camera\na/2.jpg,1,1\n{},1,2\n", path)),
                StartsWith(fmt::format("'images.csv', line 3: path '{}' is refused (", path)));
  // None of the above is there by chance: names that only look alike are taken.
  for (const char* path : {"...", "..a", "a/.b", "a/b..", "~"})
    EXPECT_EQ(sources::parse_image_list(fmt::format("path,identity,camera\n{},1,1\n", path), "list").size(), 1U);
}

TEST_F(Csv, links_that_lead_to_no_image_are_refused_by_their_line) {
  fs::create_symlink("nowhere", root_ / "broken.jpg");
  fs::create_symlink("round.jpg", root_ / "round.jpg");
  fs::create_directory_symlink("a", root_ / "same");
  const std::string head = "path,identity,camera\na/1.jpg,1,1\n";
  EXPECT_THAT(refusal_of(head + "broken.jpg,1,2\n"),
              StartsWith("'images.csv', line 3: image 'ROOT/broken.jpg' is missing"));
  EXPECT_THAT(refusal_of(head + "round.jpg,1,2\n"),
              StartsWith("'images.csv', line 3: cannot look at 'ROOT/round.jpg'"));
  EXPECT_THAT(refusal_of(head + "same,1,2\n"), StartsWith("'images.csv', line 3: 'ROOT/same' is no file"));
}

TEST_F(Csv, lists_over_the_limits_are_refused_and_those_at_them_are_not) {
  std::string longest = "path,identity,camera\n" + std::string(sources::kMaxListLine - 4, 'x') + ",1,1\n";
  EXPECT_THAT(refusal_of(longest), HasSubstr("is refused (paths have at most 4096 bytes)"));
  longest.insert(longest.find('x'), "x");
  EXPECT_EQ(refusal_of(longest), "'images.csv', line 2: the line has 16385 bytes (16384 are the most)");
  EXPECT_THAT([&] { sources::parse_image_list(std::string(sources::kMaxListLines + 1, '\n'), "list"); },
              tests::fails(StartsWith("'list' has 4000001 lines (4000000 are the most)")))
      << "too many lines were taken";
}

TEST_F(Csv, all_lines_that_do_not_fit_are_named_at_once) {
  write(
      "path,identity,camera\na/1.jpg,1,1\na/2.jpg,x,2\nc/1.jpg,1,2\nb/1.png,2,1\nb/1.png,2,2\nc/2.jpg,2,2\n\nb/"
      "2.png,2,2\n");
  try {
    list();
    ADD_FAILURE() << "nothing was refused";
  } catch (const RefusedFiles& refused) {
    std::vector<std::string> problems;
    for (const RefusedFile& one : refused.named()) problems.push_back(one.problem.substr(0, one.problem.find(" '")));
    EXPECT_THAT(problems, ElementsAre("'images.csv', line 3: identity is", "'images.csv', line 6: path",
                                      StartsWith("'images.csv', line 8: the line is empty"),
                                      "'images.csv', line 4: image", "'images.csv', line 7: image"));
  }
}

// Person 0 of a list that counts from 0 is lost without a word otherwise.
TEST_F(Csv, a_distractor_who_looks_like_a_person_is_warned_of) {
  const auto warnings = [&](const std::string& lines) {
    write("path,identity,camera\n" + lines);
    return list_data_set(files_, Source::kCsv, root_).warnings;
  };
  EXPECT_THAT(
      warnings("a/1.jpg,0,1\na/2.jpg,0,2\nb/1.png,1,1\nb/2.png,1,2\n"),
      ElementsAre("identity 0 of 'images.csv' is a distractor, nobody's match, and has 2 images by 2 cameras, as "
                  "a person has; if people count from 0 there, number them from 1"));
  // One camera's, or more of them than of anybody: distractors as sets have them.
  EXPECT_THAT(warnings("a/1.jpg,0,1\na/2.jpg,0,1\nb/1.png,1,1\nb/2.png,1,2\n"), ElementsAre());
  touch("c/1.png");
  EXPECT_THAT(warnings("a/1.jpg,0,1\na/2.jpg,0,2\nc/1.png,0,2\nb/1.png,1,1\nb/2.png,1,2\n"), ElementsAre());
  EXPECT_THAT(warnings("b/1.png,1,1\nb/2.png,1,2\n"), ElementsAre());
}

TEST_F(Csv, people_in_folders_of_training_and_of_test_are_warned_of) {
  for (const char* image : {"x/bounding_box_train/1.jpg", "x/query/1.jpg", "x/bounding_box_train/2.jpg"}) touch(image);
  const auto warnings = [&](const std::string& lines) {
    write("path,identity,camera\n" + lines);
    return list_data_set(files_, Source::kCsv, root_).warnings;
  };
  EXPECT_THAT(warnings("x/bounding_box_train/1.jpg,1,1\nx/query/1.jpg,1,2\n"),
              ElementsAre("people of 'images.csv' with images in folders of training and of test: 1, as 1 "
                          "('x/bounding_box_train/1.jpg' and 'x/query/1.jpg'); if numbers begin anew in the test, each "
                          "of them is two"));
  EXPECT_THAT(warnings("x/bounding_box_train/1.jpg,1,1\nx/bounding_box_train/2.jpg,1,2\n"), ElementsAre());
  EXPECT_THAT(warnings("x/bounding_box_train/1.jpg,0,1\nx/query/1.jpg,0,1\na/1.jpg,2,1\na/2.jpg,2,2\n"), ElementsAre());
}

TEST_F(Csv, people_with_one_image_are_distractors_on_request_and_refused_without_one) {
  write("path,identity,camera,subset\na/1.jpg,1,1,gallery\na/2.jpg,1,2,gallery\nb/1.png,7,2,gallery\n");
  EXPECT_EQ(
      refusal(Source::kCsv),
      "identity 7 has only one image, 'b/1.png' (a match needs two); add another image of it, or make distractors "
      "of such people: single_images = \"distractors\", in data ingest --single-images distractors");
  std::vector<std::int64_t> identities;
  for (const Sample& sample : list_samples(files_, Source::kCsv, root_, SingleImages::kDistractors))
    identities.push_back(sample.identity);
  EXPECT_THAT(identities, ElementsAre(1, 1, 0));
  // A plan of epochs of such a list counts as packing it will.
  std::string text = "path,identity,camera,subset\nb/1.png,7,2,gallery\n";
  for (int image = 0; image < 8; ++image) {
    const std::string path = fmt::format("d/{}.png", image);
    touch(path);
    text += fmt::format("{},{},{},gallery\n", path, 10 + image / 2, 1 + image % 2);
  }
  write(text);
  PackSettings pack;
  pack.single_images = SingleImages::kDistractors;
  EXPECT_EQ((settings::TrainingCount{4, 2}),
            TrainingImages(files_).count_split(pack, root_ / "pack", root_, {}).value().train);
  // Nobody trains on, or asks for, a distractor.
  for (const char* subset : {"train", "query"}) {
    write(
        fmt::format("path,identity,camera,subset\na/1.jpg,1,1,gallery\na/2.jpg,1,2,gallery\nb/1.png,7,2,{}\n", subset));
    EXPECT_THROW(list_samples(files_, Source::kCsv, root_, SingleImages::kDistractors), RefusedFiles);
    EXPECT_EQ(refusal(Source::kCsv),
              "identity 7 has only one image, 'b/1.png' (a match needs two); add another image of it");
  }
}

TEST_F(Csv, the_example_of_its_page_is_read) {
  const std::string example = tests::fenced_blocks(tests::page_text("inside/formats/image_list.md"), "csv")[0];
  std::vector<Sample> samples;
  for (const auto& image : sources::parse_image_list(example, "image_list.md")) {
    touch(image.sample.path);
    samples.push_back(image.sample);
  }
  EXPECT_THAT(samples,
              ElementsAre(Sample{"cam 1/0001.jpg", 1, 1, "train", 1}, Sample{"cam 2/0001, back.jpg", 1, 2, "train", 4},
                          Sample{"cam 1/0002.jpg", 2, 1, "gallery", 1}, Sample{"cam 2/0002.jpg", 2, 2, "query", 0},
                          Sample{"cam 1/nobody.jpg", 0, 1, "gallery", 1}));
  write(example);
  EXPECT_EQ(list().size(), samples.size());
}

TEST_F(Csv, its_stand_in_is_listed_and_every_image_can_be_read) {
  for (const bool irregular : {false, true}) {
    const StandInSettings options{
        {.identities = 6, .cameras = 2, .images_per_camera = 2, .height = 32, .width = 16}, Source::kCsv, irregular};
    const fs::path out = root_ / (irregular ? "irregular" : "plain");
    write_stand_in(files_, out, options);
    const std::vector<Sample> samples = list_samples(files_, Source::kCsv, out);
    const RawFolder raw(files_, out);
    std::set<int> rates;
    std::set<int> heights;
    for (const Sample& sample : samples) {
      rates.insert(sample.rate);
      heights.insert(decode_image(raw.read(sample.path), sample.path).height);
    }
    EXPECT_EQ(rates, irregular ? std::set<int>({0, 1, 2}) : std::set<int>({1}));
    EXPECT_EQ(samples.size(), irregular ? 23U : 24U);  // two less of the identity of one camera, one distractor more
    if (irregular) {
      EXPECT_GT(heights.size(), 3U);
    } else {
      EXPECT_EQ(heights, std::set<int>({32}));
    }
    const auto of_identity = [&](std::int64_t identity) {
      return std::ranges::count_if(samples, [&](const Sample& sample) { return sample.identity == identity; });
    };
    EXPECT_EQ(of_identity(0), irregular ? 1 : 0);
    EXPECT_EQ(of_identity(6), irregular ? 2 : 4);
  }
}

}  // namespace
}  // namespace resolute::datasets::csv_test
