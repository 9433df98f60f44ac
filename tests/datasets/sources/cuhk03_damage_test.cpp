// Files that are not as MATLAB writes CUHK03: a sound one is opened with HDF5 and changed.
#include <cmath>

#include "datasets/hdf5/library.h"
#include "tests/datasets/sources/cuhk03_scratch.h"

namespace resolute::datasets::cuhk03_damage_test {
namespace {

using hdf5::Handle;
using sources::Cuhk03Contents;
using sources::kCuhk03Pairs;
using sources::kCuhk03Slots;
using testing::HasSubstr;
using testing::StartsWith;

const hdf5::Context kContext{core::ErrorKind::kEnvironment, "the test's own HDF5 call failed"};

class DamagedCuhk03 : public Cuhk03 {
 protected:
  template <class Change>
  void edit(const Change& change) {
    hdf5::LibraryLock lock;
    const Handle access = hdf5::file_access(kContext);
    const Handle mat(H5Fopen(file().c_str(), H5F_ACC_RDWR, access.get()), H5Fclose, kContext);
    change(mat.get());
  }
  static Handle make(hid_t mat, const char* name, hid_t type, const std::vector<hsize_t>& extents,
                     hid_t creation = H5P_DEFAULT) {
    const Handle space(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, kContext);
    return Handle(H5Dcreate2(mat, name, type, space.get(), H5P_DEFAULT, creation, H5P_DEFAULT), H5Dclose, kContext);
  }
  static hobj_ref_t reference_to(hid_t mat, const char* name) {
    hobj_ref_t reference = 0;
    hdf5::check(H5Rcreate(&reference, mat, name, H5R_OBJECT, -1), kContext);
    return reference;
  }
  static std::vector<hobj_ref_t> references(const Handle& data) {
    const Handle space(H5Dget_space(data.get()), H5Sclose, kContext);
    std::vector<hobj_ref_t> all(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    hdf5::check(H5Dread(data.get(), H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), kContext);
    return all;
  }
  static void write_references(const Handle& data, const std::vector<hobj_ref_t>& all) {
    hdf5::check(H5Dwrite(data.get(), H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), kContext);
  }
  static Handle open_cell(hid_t mat, const char* variable, std::size_t which) {
    const Handle data(H5Dopen2(mat, variable, H5P_DEFAULT), H5Dclose, kContext);
    const hobj_ref_t reference = references(data).at(which);
    return Handle(H5Rdereference2(mat, H5P_DEFAULT, H5R_OBJECT, &reference), H5Oclose, kContext);
  }
  // Lets a cell of the variable refer to something else.
  static void set_cell(hid_t mat, const char* variable, std::size_t which, hobj_ref_t to) {
    const Handle data(H5Dopen2(mat, variable, H5P_DEFAULT), H5Dclose, kContext);
    auto all = references(data);
    all.at(which) = to;
    write_references(data, all);
  }
  // The same for identity 1 of pair 1, first image.
  static void set_image(hid_t mat, hobj_ref_t to) {
    const Handle table = open_cell(mat, "labeled", 0);
    auto all = references(table);
    all.at(0) = to;
    write_references(table, all);
  }
  // Puts an array without values in the place of that image.
  void put_image(hid_t type, const std::vector<hsize_t>& extents, hid_t creation = H5P_DEFAULT) {
    edit([&](hid_t mat) {
      make(mat, "/#refs#/other", type, extents, creation);
      set_image(mat, reference_to(mat, "/#refs#/other"));
    });
  }
  // A matrix in the place of test set 1.
  void put_test_set(const std::vector<hsize_t>& extents, const std::vector<double>& values) {
    edit([&](hid_t mat) {
      const Handle data = make(mat, "/#refs#/other", H5T_IEEE_F64LE, extents);
      if (!values.empty())
        hdf5::check(H5Dwrite(data.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), kContext);
      set_cell(mat, "testsets", 0, reference_to(mat, "/#refs#/other"));
    });
  }
  static Handle creation_list() { return Handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, kContext); }
};

TEST_F(DamagedCuhk03, a_missing_file_and_what_is_no_such_file_are_refused) {
  files_.remove(file());
  EXPECT_EQ(refusal(Source::kCuhk03),
            "file 'cuhk-03.mat' is missing in 'ROOT' (CUHK03's images are in it); name the folder that holds it");
  for (const std::string_view text : {"", "<html>not found</html>", "MATLAB 5.0 MAT-file, Platform: GLNXA64"}) {
    core::replace_unsynced(files_, file(), text);
    EXPECT_THAT(refusal(Source::kCuhk03),
                StartsWith("'ROOT/cuhk-03.mat' cannot be read: it is not a .mat file of version 7.3 (HDF5: "));
  }
  files_.remove(file());
  std::filesystem::create_directory(file());
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("it is not a regular file"));
}

TEST_F(DamagedCuhk03, every_truncation_is_refused) {
  const core::Bytes whole = files_.read(file());
  for (std::size_t part = 0; part < 40; ++part) {
    core::replace_unsynced(files_, file(), core::as_text(whole).substr(0, whole.size() * part / 40));
    EXPECT_THAT(reading_refusal(), StartsWith("'ROOT/cuhk-03.mat' cannot be read"));
  }
}

TEST_F(DamagedCuhk03, variables_that_are_missing_or_something_else_are_refused) {
  const auto refusal_without = [&](const char* name) {
    write(small_contents());
    edit([&](hid_t mat) { hdf5::check(H5Ldelete(mat, name, H5P_DEFAULT), kContext); });
    return refusal(Source::kCuhk03);
  };
  const std::string start = "'ROOT/cuhk-03.mat' cannot be read: ";
  EXPECT_EQ(refusal_without("labeled"), start + "'labeled' is missing; fetch it again");
  EXPECT_EQ(refusal_without("testsets"), start + "'testsets' is missing; fetch it again");
  refusal_without("labeled");
  edit(
      [&](hid_t mat) { hdf5::check(H5Lcreate_soft("/detected", mat, "labeled", H5P_DEFAULT, H5P_DEFAULT), kContext); });
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("'labeled' is a link"));
  refusal_without("labeled");
  std::filesystem::copy_file(file(), root_ / "other.mat");
  edit([&](hid_t mat) {
    hdf5::check(H5Lcreate_external("other.mat", "/detected", mat, "labeled", H5P_DEFAULT, H5P_DEFAULT), kContext);
  });
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("'labeled' is a link"));
  refusal_without("labeled");
  edit([&](hid_t mat) {
    Handle(H5Gcreate2(mat, "labeled", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, kContext);
  });
  EXPECT_EQ(refusal(Source::kCuhk03), start + "'labeled' is not a variable; fetch it again");
  refusal_without("labeled");
  edit([&](hid_t mat) { make(mat, "labeled", H5T_IEEE_F64LE, {1, 5}); });
  EXPECT_EQ(refusal(Source::kCuhk03),
            start + "'labeled' is no cell array (it has no references to objects); fetch it again");
  refusal_without("labeled");
  edit([&](hid_t mat) { make(mat, "labeled", H5T_STD_REF_DSETREG, {1, 5}); });
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("'labeled' is no cell array"));
}

TEST_F(DamagedCuhk03, cell_arrays_of_other_extents_are_refused) {
  const auto with_variable = [&](const std::vector<hsize_t>& extents) {
    write(small_contents());
    edit([&](hid_t mat) {
      hdf5::check(H5Ldelete(mat, "labeled", H5P_DEFAULT), kContext);
      make(mat, "labeled", H5T_STD_REF_OBJ, extents);
    });
    return refusal(Source::kCuhk03);
  };
  const std::string start = "'ROOT/cuhk-03.mat' cannot be read: 'labeled' ";
  EXPECT_EQ(with_variable({5}), start + "is 5, not of two dimensions; fetch it again");
  EXPECT_THAT(with_variable({1, 1025}), StartsWith(start + "has 1 x 1025 cells, not 1 to 1024"));
  EXPECT_THAT(with_variable({1, 0}), StartsWith(start + "has 1 x 0 cells, not 1 to 1024"));
  EXPECT_THAT(with_variable({1, 5}), StartsWith(start + "claims 40 bytes where the file holds 0 for it"));
  write(small_contents());
  edit([&](hid_t mat) {
    const Handle old(H5Dopen2(mat, "labeled", H5P_DEFAULT), H5Dclose, kContext);
    auto all = references(old);
    all.pop_back();
    hdf5::check(H5Ldelete(mat, "labeled", H5P_DEFAULT), kContext);
    write_references(make(mat, "labeled", H5T_STD_REF_OBJ, {1, 4}), all);
  });
  EXPECT_EQ(
      refusal(Source::kCuhk03),
      "'ROOT/cuhk-03.mat' is not laid out as CUHK03's file ('labeled' has 4 cells, one for each of 5 camera pairs is "
      "needed); fetch it again");
  const auto with_table = [&](const std::vector<hsize_t>& extents, bool written) {
    write(small_contents());
    edit([&](hid_t mat) {
      const Handle table = make(mat, "/#refs#/other", H5T_STD_REF_OBJ, extents);
      if (written)
        write_references(table, std::vector<hobj_ref_t>(extents[0] * extents[1], reference_to(mat, "/#refs#")));
      set_cell(mat, "labeled", 1, reference_to(mat, "/#refs#/other"));
    });
    return refusal(Source::kCuhk03);
  };
  EXPECT_EQ(
      with_table({9, 3}, true),
      "'ROOT/cuhk-03.mat' is not laid out as CUHK03's file (cell 2 of 'labeled' is 9 x 3, 10 images for each identity "
      "are needed); fetch it again");
  EXPECT_THAT(with_table({10, 10'000}, false), HasSubstr("cell 2 of 'labeled' has 10 x 10000 cells, not 1 to 99970"));
  EXPECT_THAT(with_table({hsize_t{1} << 33, hsize_t{1} << 31}, false), HasSubstr("cells, not 1 to 99970"));
}

TEST_F(DamagedCuhk03, references_to_something_else_are_refused) {
  const std::string cell = "'ROOT/cuhk-03.mat' cannot be read: cell 1 of cell 1 of 'labeled' ";
  edit([&](hid_t mat) { set_image(mat, 0); });
  EXPECT_THAT(refusal(Source::kCuhk03), StartsWith(cell + "refers to nothing"));
  write(small_contents());
  edit([&](hid_t mat) { set_image(mat, 0x7fffffffffff); });
  EXPECT_THAT(refusal(Source::kCuhk03), StartsWith(cell + "refers to nothing"));
  write(small_contents());
  edit([&](hid_t mat) { set_image(mat, reference_to(mat, "/#refs#")); });
  EXPECT_EQ(refusal(Source::kCuhk03), cell + "refers to something else than a data set; fetch it again");
  write(small_contents());
  edit([&](hid_t mat) { set_image(mat, reference_to(mat, "/labeled")); });
  EXPECT_THAT(refusal(Source::kCuhk03), StartsWith(cell + "is of type "));
}

TEST_F(DamagedCuhk03, images_of_another_type_or_shape_are_refused) {
  const auto with_image = [&](hid_t type, const std::vector<hsize_t>& extents) {
    write(small_contents());
    put_image(type, extents);
    return refusal(Source::kCuhk03);
  };
  const std::string cell = "'ROOT/cuhk-03.mat' cannot be read: cell 1 of cell 1 of 'labeled' ";
  EXPECT_EQ(with_image(H5T_IEEE_F64LE, {3, 4, 5}), cell + "is of type float64, not uint8; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_I8LE, {3, 4, 5}), cell + "is of type int8, not uint8; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_U16LE, {3, 4, 5}), cell + "is of type uint16, not uint8; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_U8LE, {4, 5}), cell + "is 4 x 5, not 3 x WIDTH x HEIGHT; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_U8LE, {3, 4, 5, 1}), cell + "is 3 x 4 x 5 x 1, not 3 x WIDTH x HEIGHT; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_U8LE, {4, 5, 3}), cell + "is 4 x 5 x 3, not 3 x WIDTH x HEIGHT; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_U8LE, {3, 16385, 1}),
            cell + "is 1 pixels high and 16385 wide, over the limits; fetch it again");
  EXPECT_EQ(with_image(H5T_STD_U8LE, {3, 16384, 16384}),
            cell + "is 16384 pixels high and 16384 wide, over the limits; fetch it again");
  EXPECT_THAT(with_image(H5T_STD_U8LE, {3, hsize_t{1} << 40, 2}), HasSubstr("over the limits"));
}

TEST_F(DamagedCuhk03, what_announces_more_than_it_has_is_refused) {
  const std::string cell = "'ROOT/cuhk-03.mat' cannot be read: cell 1 of cell 1 of 'labeled' ";
  put_image(H5T_STD_U8LE, {3, 8192, 8192});
  EXPECT_EQ(reading_refusal(), cell + "claims 201326592 bytes where the file holds 0 for it; fetch it again");
  const auto chunked = [](const std::vector<hsize_t>& chunk) {
    Handle creation = creation_list();
    hdf5::check(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), kContext);
    return creation;
  };
  write(small_contents());
  {
    const Handle creation = chunked({3, 64, 64});
    put_image(H5T_STD_U8LE, {3, 8192, 8192}, creation.get());
  }
  EXPECT_THAT(reading_refusal(), StartsWith(cell + "claims 201326592 bytes"));
  write(small_contents());
  edit([&](hid_t mat) {  // a chunk that is larger than the array can be had where the array may grow
    const hsize_t extents[] = {3, 2, 2};
    const hsize_t most[] = {3, H5S_UNLIMITED, H5S_UNLIMITED};
    const Handle space(H5Screate_simple(3, extents, most), H5Sclose, kContext);
    const Handle creation = chunked({3, 32768, 32768});
    hdf5::check(H5Pset_deflate(creation.get(), 1), kContext);
    Handle(H5Dcreate2(mat, "/#refs#/other", H5T_STD_U8LE, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
           H5Dclose, kContext);
    set_image(mat, reference_to(mat, "/#refs#/other"));
  });
  EXPECT_EQ(reading_refusal(), cell + "has chunks that are too large; fetch it again");
}

TEST_F(DamagedCuhk03, data_elsewhere_and_foreign_filters_are_refused) {
  const std::string cell = "'ROOT/cuhk-03.mat' cannot be read: cell 1 of cell 1 of 'labeled' ";
  core::replace_unsynced(files_, root_ / "secret", std::string(60, 's'));
  {
    const Handle creation = creation_list();
    hdf5::check(H5Pset_external(creation.get(), (root_ / "secret").c_str(), 0, 60), kContext);
    put_image(H5T_STD_U8LE, {3, 4, 5}, creation.get());
  }
  EXPECT_EQ(reading_refusal(), cell + "lies in other files; fetch it again");
  write(small_contents());
  std::filesystem::copy_file(file(), root_ / "other.mat");
  {
    const Handle creation = creation_list();
    const hsize_t extents[] = {3, 4, 5};
    const Handle space(H5Screate_simple(3, extents, nullptr), H5Sclose, kContext);
    hdf5::check(H5Pset_virtual(creation.get(), space.get(), (root_ / "other.mat").c_str(), "/x", space.get()),
                kContext);
    put_image(H5T_STD_U8LE, {3, 4, 5}, creation.get());
  }
  EXPECT_EQ(reading_refusal(), cell + "lies in other files; fetch it again");
  write(small_contents());
  {
    const Handle creation = creation_list();
    const hsize_t chunk[] = {3, 4, 5};
    hdf5::check(H5Pset_chunk(creation.get(), 3, chunk), kContext);
    hdf5::check(H5Pset_scaleoffset(creation.get(), H5Z_SO_INT, 0), kContext);
    put_image(H5T_STD_U8LE, {3, 4, 5}, creation.get());
  }
  EXPECT_EQ(reading_refusal(), cell + "is compressed by filter 6; fetch it again");
}

TEST_F(DamagedCuhk03, every_way_of_writing_an_empty_cell_is_skipped) {
  const auto count = [&] { return list_samples(files_, Source::kCuhk03, root_).size(); };
  const std::size_t all = count();
  put_image(H5T_STD_U8LE, {3, 0, 5});
  EXPECT_EQ(count(), all - 1);
  write(small_contents());
  put_image(H5T_STD_U64LE, {2});
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("claims 16 bytes where the file holds 0"));
  write(small_contents());
  edit([&](hid_t mat) {
    const std::uint64_t extents[] = {0, 0};
    const Handle data = make(mat, "/#refs#/other", H5T_STD_U64LE, {2});
    hdf5::check(H5Dwrite(data.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, extents), kContext);
    set_image(mat, reference_to(mat, "/#refs#/other"));
  });
  EXPECT_EQ(count(), all - 1);
  write(small_contents());
  edit([&](hid_t mat) {
    const Handle space(H5Screate(H5S_NULL), H5Sclose, kContext);
    Handle(H5Dcreate2(mat, "/#refs#/other", H5T_STD_U8LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose,
           kContext);
    set_image(mat, reference_to(mat, "/#refs#/other"));
  });
  EXPECT_EQ(count(), all - 1);
}

TEST_F(DamagedCuhk03, test_sets_that_name_nobody_are_refused) {
  const auto with_set = [&](const std::vector<hsize_t>& extents, const std::vector<double>& values) {
    write(small_contents());
    put_test_set(extents, values);
    return refusal(Source::kCuhk03);
  };
  const std::string start = "'ROOT/cuhk-03.mat' is not laid out as CUHK03's file (cell 1 of 'testsets' ";
  EXPECT_THAT(with_set({2, 1}, {0, 1}), StartsWith(start + "names identity 1 of pair 0, which is not there)"));
  for (const auto& [pair, number] : std::vector<std::pair<double, double>>{{6, 1},
                                                                           {1, 0},
                                                                           {1, 4},
                                                                           {1.5, 1},
                                                                           {1, 1.5},
                                                                           {-1, 1},
                                                                           {std::nan(""), 1},
                                                                           {1, std::nan("")},
                                                                           {HUGE_VAL, 1},
                                                                           {1, 1e300}})
    EXPECT_THAT(with_set({2, 1}, {pair, number}), StartsWith(start + "names identity "));
  EXPECT_THAT(with_set({3, 1}, {1, 1, 1}), StartsWith(start + "is 3 x 1, a pair and a number"));
  EXPECT_THAT(with_set({2, 0}, {}), StartsWith(start + "is 0 x 0, a pair and a number"));
  EXPECT_THAT(with_set({2}, {1, 1}), HasSubstr("cell 1 of 'testsets' is 2, not of two dimensions"));
  EXPECT_THAT(with_set({2, 1 << 20}, {}), HasSubstr("cell 1 of 'testsets' is 2 x 1048576, over the limit"));
  write(small_contents());
  edit([&](hid_t mat) {
    make(mat, "/#refs#/other", H5T_STD_I64LE, {2, 1});
    set_cell(mat, "testsets", 0, reference_to(mat, "/#refs#/other"));
  });
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("cell 1 of 'testsets' is of type int64, not float64"));
  Cuhk03Contents contents = small_contents();
  contents.test_sets.assign(65, contents.test_sets[0]);
  write(contents);
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("'testsets' has 65 cells, over 64"));
  contents.test_sets.resize(64);
  write(contents);
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_)[0].test_sets, ~std::uint64_t{0});
}

TEST_F(DamagedCuhk03, a_division_without_training_or_test_is_refused) {
  Cuhk03Contents contents = small_contents();
  contents.test_sets[0] = {{4, 1}, {1, 3}};  // no image, one image
  write(contents);
  EXPECT_EQ(refusal(Source::kCuhk03),
            "'ROOT/cuhk-03.mat' is not laid out as CUHK03's file (the first of 'testsets' leaves no identity with two "
            "images for the test); fetch it again");
  contents.test_sets[0] = {{1, 1}, {1, 2}, {2, 1}, {3, 1}, {3, 2}, {5, 1}};
  write(contents);
  EXPECT_THAT(refusal(Source::kCuhk03), HasSubstr("leaves no identity with two images for training"));
}

// Written again by a program that keeps MATLAB's order of extents: read where it is plain which one it is.
TEST_F(DamagedCuhk03, tables_the_other_way_round_are_the_same) {
  const auto expected = list_samples(files_, Source::kCuhk03, root_);
  std::vector<core::Bytes> images;
  for (const Sample& sample : expected) images.push_back(open_raw(files_, Source::kCuhk03, root_)->read(sample.path));
  edit([&](hid_t mat) {
    for (const char* variable : {"labeled", "testsets"}) {
      const Handle old(H5Dopen2(mat, variable, H5P_DEFAULT), H5Dclose, kContext);
      auto all = references(old);
      hdf5::check(H5Ldelete(mat, variable, H5P_DEFAULT), kContext);
      write_references(make(mat, variable, H5T_STD_REF_OBJ, {all.size(), 1}), all);
    }
    for (std::size_t pair = 0; pair < kCuhk03Pairs; ++pair) {
      const auto all = references(open_cell(mat, "labeled", pair));
      const std::size_t identities = all.size() / kCuhk03Slots;
      std::vector<hobj_ref_t> turned;
      for (std::size_t i = 0; i < identities; ++i)
        for (std::size_t slot = 0; slot < kCuhk03Slots; ++slot) turned.push_back(all[slot * identities + i]);
      const std::string name = fmt::format("/#refs#/turned{}", pair);
      write_references(make(mat, name.c_str(), H5T_STD_REF_OBJ, {identities, kCuhk03Slots}), turned);
      set_cell(mat, "labeled", pair, reference_to(mat, name.c_str()));
    }
    const std::vector<double> set{1, 1, 5, 1, 1, 1};  // three rows, one twice
    const Handle data = make(mat, "/#refs#/turned", H5T_IEEE_F64LE, {3, 2});
    hdf5::check(H5Dwrite(data.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, set.data()), kContext);
    set_cell(mat, "testsets", 0, reference_to(mat, "/#refs#/turned"));
  });
  ASSERT_EQ(list_samples(files_, Source::kCuhk03, root_), expected);
  const auto reader = open_raw(files_, Source::kCuhk03, root_);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(reader->read(expected[i].path), images[i]);
}

}  // namespace
}  // namespace resolute::datasets::cuhk03_damage_test
