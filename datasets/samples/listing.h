#pragma once
//! \file
//! Tools that the sources share: reading file names piece by piece, walking folders, and the messages about them.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets::sources {

//! The numbers of an image's name, which no other image of its folder has.
using NameNumbers = std::vector<std::int64_t>;

//! Reads a name from its front; once something does not fit, everything after fails too.
class NameReader {
 public:
  explicit NameReader(std::string_view name) : rest_(name) {}
  //! Takes `text`, which must be there.
  void literal(std::string_view text) { fits_ = optional(text); }
  //! Takes `text` if the rest begins with it. \return whether it did (and everything before fitted)
  bool optional(std::string_view text);
  //! Takes `text` as often as the rest begins with it, which may be never. \return whether it took any
  bool repeated(std::string_view text);
  //! Takes 1 to 9 decimal digits, all that follow. \return their value; 0 when they are missing
  std::int64_t number();
  //! Takes what `form` describes: I is the identity of `sample`, C its camera, # another number; every other character
  //! stands for itself. \return all numbers in their order
  NameNumbers numbers(std::string_view form, Sample& sample);
  //! True if everything fitted; something may be left.
  bool fits() const { return fits_; }
  //! True if everything fitted and nothing is left.
  bool finished() const { return fits_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool fits_ = true;
};

//! By its extension (jpg, jpeg, png, bmp in any case), unless hidden: macOS leaves `._0002_c1s1_000451_03.jpg` behind.
bool is_image_name(std::string_view name);
//! Why a file is left out that is none: pictures of formats that are not read are counted apart from all else.
std::string why_no_image(std::string_view name);
//! The name without its extension.
std::string_view stem_of(std::string_view name);
//! A name as a message, a terminal or JSON may show it: control characters and bytes that are not UTF-8 become '?'.
std::string printable(std::string_view name);

//! Why no list can hold a path, in words to show behind its name: path_problem(), or bytes that are no UTF-8. Empty
//! where one can.
std::string_view name_problem(std::string_view path);

//! \throws RuntimeError (kInput) naming the folder and what should be in `root`
void require_folder(core::FileSystem& files, const fs::path& root, std::string_view folder, std::string_view layout);
//! The images' names in root/folder (empty: in root), sorted by bytes; of other files `remarks` are told how many there
//! are. \throws RuntimeError (kInput) if there are none
std::vector<std::string> image_names(core::FileSystem& files, const fs::path& root, std::string_view folder,
                                     Remarks& remarks);

//! The error of two files that are one image by their names, as 0001_45.bmp and 1_45.bmp.
core::RuntimeError twice(std::string_view path, std::string_view again);

//! Image names of a data set, for messages.
struct Naming {
  std::string_view source;  //!< "Market-1501"
  std::string_view pattern;
  std::string_view example;
};
//! The error of a name that does not fit. An image of the set is not to be taken out: that changes what a protocol
//! counts.
core::RuntimeError wrong_name(std::string_view path, const Naming& naming);

//! A folder of a data set, and the subset of its images.
struct Folder {
  std::string_view name;
  std::string_view subset;
};
struct FolderLayout {
  std::string_view text;  //!< for messages
  std::span<const Folder> folders;
  const Naming* by_identity = nullptr;  //!< each folder holds one folder for each identity, named by its number
};
//! Reads the name of an image into `sample`, which has path, subset and, by_identity, the identity of its folder.
//! \param reader has the name without its extension \return nothing for an image that is left out \throws RuntimeError
//! (kInput): the image's refusal
using ReadName = std::function<NameNumbers(NameReader& reader, Sample& sample)>;
//! Reads a set all of whose names have one form (NameReader::numbers()): identities from 1, cameras 1 to `cameras`.
ReadName read_form(std::string_view form, std::int64_t cameras, const Naming& naming);
//! The images of all folders. Two names of one folder with the same numbers are refused. Files beside the folders of
//! identities (Thumbs.db, .DS_Store) are skipped, images there are refused. \throws RuntimeError (kInput): a folder
//! that is missing or has no images
std::vector<Sample> list_folders(core::FileSystem& files, const fs::path& root, const FolderLayout& layout,
                                 Remarks& remarks, const ReadName& read);

//! Data sets that are given to another source than their own, told by their layout: looks for MSMT17, VeRi-776,
//! VehicleID and prepared sets by a file or folder of each, and for CUHK03-NP by names as 0001_c1_1.png in
//! Market-1501's folders. \throws RuntimeError (kInput) naming the layout and the source that reads it, where `root`
//! has one of them
void refuse_other_layout(core::FileSystem& files, const fs::path& root);

//! Adds one to the number of all samples where one of them has 0: their names count from 0.
void count_from_1(std::vector<Sample>& samples, std::int64_t Sample::*number);
//! Moves the identities of query and gallery up by the largest one of training, where a number is in both: they are
//! other people, whose numbers begin anew. Distractors stay 0.
void continue_numbers(std::vector<Sample>& samples);
//! Leaves out the training images of people who have a single one there: nothing can be learnt of a pair of it.
void leave_out_single(std::vector<Sample>& samples, Remarks& remarks);

}  // namespace resolute::datasets::sources
