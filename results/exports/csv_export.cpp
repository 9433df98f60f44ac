#include "results/exports/csv_export.h"

#include <memory>

#include "core/files/csv.h"
#include "core/files/new_folder.h"
#include "core/overloaded.h"

namespace resolute::results {
namespace {

// A relation's file, written in pieces: a long training logs a million numbers.
class CsvFiles final : public RelationSink {
 public:
  explicit CsvFiles(core::NewFolder& folder) : folder_(folder) {}

  void begin(const Relation& relation) override {
    file_ = folder_.create(fmt::format("{}.csv", relation.name));
    for (const Column& column : relation.columns) add(column.name);
    end_line();
  }
  void row(std::span<const FieldValue> fields) override {
    for (const FieldValue& field : fields)
      std::visit(core::Overloaded{[&](std::monostate) { add({}); },
                                  [&](const std::string& text) { add(core::csv_field(text)); },
                                  [&](auto number) { add(fmt::format("{}", number)); }},
                 field);
    end_line();
  }
  void end() override {
    write();
    file_->close();
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

  void add(std::string_view field) {
    text_ += field;
    text_ += ',';
  }
  void end_line() {
    text_.back() = '\n';
    if (text_.size() >= kPiece) write();
  }
  void write() {
    file_->write(core::as_byte_span(text_));
    text_.clear();
  }

  core::NewFolder& folder_;
  std::unique_ptr<core::WritableFile> file_;
  std::string text_;
};

}  // namespace

void export_csv(const ResultsSource& source, const std::filesystem::path& folder,
                const std::map<std::string, std::string>& more, const std::function<void(std::size_t)>& progress) {
  core::require_new_folder(source.files, folder);
  core::write_new_folder(source.files, folder, [&](core::NewFolder& made) {
    CsvFiles files(made);
    write_relations(source, files, progress);
    for (const auto& [name, text] : more) made.write(name, text);
  });
}

}  // namespace resolute::results
