// Fields of CSV one after the other: each ends behind where it begins, and what is written of its value is read back.
#include "core/files/csv.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::csv_field_fuzzer {

std::vector<std::string> csv_field_examples() { return {"a,\"b,\"\"c\"\"\",,\n\"\r\n\",d\r\n", "", "\"open, x"}; }

RESOLUTE_FUZZER(csv_field, .rounds = 100'000, .examples = csv_field_examples, .mutate = mutate_list)
(std::string_view bytes) {
  for (std::size_t at = 0; at <= bytes.size();) {
    const core::CsvField field = core::csv_field_at(bytes, at);
    require(field.end >= at && field.end <= bytes.size(), "a field ends outside of the text");
    require(core::csv_field_at(core::csv_field(field.value), 0).value == field.value, "a field is written otherwise");
    at = field.end + 1;
  }
  return true;
}

}  // namespace resolute::tests::csv_field_fuzzer
