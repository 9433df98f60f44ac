// NVIDIA's compiler takes the text of the kernels, for each GPU that a training can be on. It needs none.

#include "workers/device/kernel_compiler.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "core/files/file_system.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"

namespace resolute::workers::kernel_compiler_test {
namespace {

using Capability = std::array<int, 2>;

std::vector<std::string> library() {
  const char* const path = std::getenv("RESOLUTE_NVRTC");
  EXPECT_NE(nullptr, path);
  return {"libnone.so.1", path == nullptr ? "" : path};
}

std::string text_of(const std::string& file) {
  return core::read_text(core::real_file_system(), tests::source_folder() / file);
}

TEST(KernelCompiler, makes_code_of_the_norms_kernels_for_every_gpu) {
  const std::string text = text_of("networks/kernels/norm_kernels.cu"),
                    header = text_of("networks/kernels/norm_arguments.h");
  // A100, RTX 3090, RTX 4090, H200, B200.
  for (const Capability& capability : std::vector<Capability>{{8, 0}, {8, 6}, {8, 9}, {9, 0}, {10, 0}}) {
    const std::string code = compile_kernels(library(), {"norm_kernels.cu", text.c_str()},
                                             {{"networks/kernels/norm_arguments.h", header.c_str()}}, capability);
    EXPECT_EQ(
        "\x7F"
        "ELF",
        code.substr(0, 4))
        << capability[0] << capability[1];
    for (const char* kernel : {"statistics", "normalise", "reduce", "apply"})
      for (const char* type : {"f32", "bf16"})
        EXPECT_THAT(code, testing::HasSubstr(std::string("resolute_norm_") + kernel + "_" + type));
  }
}

TEST(KernelCompiler, says_what_it_does_not_take) {
  const auto compile = [](const char* text, const Capability& capability) {
    compile_kernels(library(), {"a.cu", text}, {}, capability);
  };
  using testing::AllOf;
  using testing::HasSubstr;
  EXPECT_THAT(
      [&] {
        compile("extern \"C\" __global__ void a() { b(); }", {9, 0});
      },
      tests::fails(core::ErrorKind::kEnvironment,
                   AllOf(HasSubstr("for sm_90: a.cu(1): error: identifier \"b\" is undefined"),
                         HasSubstr("leave --fused-norm out"))));
  EXPECT_THAT([&] { compile("", {1, 0}); }, tests::fails(core::ErrorKind::kEnvironment, HasSubstr("sm_10")));
  EXPECT_THAT(
      [] {
        compile_kernels({"libnone.so.1"}, {"a.cu", ""}, {}, {9, 0});
      },
      tests::fails(core::ErrorKind::kEnvironment, HasSubstr("libnone.so.1")));
}

}  // namespace
}  // namespace resolute::workers::kernel_compiler_test
