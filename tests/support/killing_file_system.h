#pragma once
//! \file
//! A process that can be killed at any step: before and after each file-system operation, and in the middle of a
//! write. The kill is an exception that nobody catches but the test; afterwards every further step of the dead process
//! throws it again, so that no clean-up of its happens either. What was written outlives it: nothing is synced in
//! truth.
//!
//!     for (int step = 0;; ++step) {
//!       Mortal process(step);
//!       KillingFileSystem files(process);
//!       if (!process.survives([&] { write_something(files); })) continue;   // killed there
//!       break;                                                              // it needed fewer steps
//!     }

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "tests/support/forwarding_file_system.h"

namespace resolute::tests {

class Mortal {
 public:
  struct Killed {};

  //! \param last the step (from 0) at which it dies; nothing: it lives on
  explicit Mortal(std::optional<int> last = std::nullopt) : last_(last) {}

  //! A place at which it may die.
  void step() {
    if (dead_) throw Killed{};
    if (before_step) before_step();
    if (last_ && steps_++ == *last_) {
      dead_ = true;
      throw Killed{};
    }
  }
  template <class Body>
  bool survives(Body body) {
    try {
      body();
      return true;
    } catch (const Killed&) {
      return false;
    }
  }
  //! Called at each step: the place to let others go first.
  std::function<void()> before_step;

 private:
  std::optional<int> last_;
  int steps_ = 0;
  bool dead_ = false;
};

class KillingFileSystem final : public ForwardingFileSystem {
 public:
  explicit KillingFileSystem(Mortal& process) : process_(process) {}

  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    return around([&] { return std::make_unique<File>(process_, ForwardingFileSystem::open_for_write(path, mode)); });
  }
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    return around([&] { return ForwardingFileSystem::read(path, limit); });
  }
  bool exists(const std::filesystem::path& path) override {
    return around([&] { return ForwardingFileSystem::exists(path); });
  }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    return around([&] { return ForwardingFileSystem::list(folder); });
  }
  void create_directories(const std::filesystem::path& folder) override {
    around([&] { return ForwardingFileSystem::create_directories(folder), 0; });
  }
  bool make_folder(const std::filesystem::path& folder) override {
    return around([&] { return ForwardingFileSystem::make_folder(folder); });
  }
  std::optional<core::FileIdentity> identity(const std::filesystem::path& path) override {
    return around([&] { return ForwardingFileSystem::identity(path); });
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    around([&] { return ForwardingFileSystem::rename(from, to), 0; });
  }
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return around([&] { return ForwardingFileSystem::link(from, to); });
  }
  void remove(const std::filesystem::path& path) override {
    around([&] { return ForwardingFileSystem::remove(path), 0; });
  }
  bool remove_folder(const std::filesystem::path& folder) override {
    return around([&] { return ForwardingFileSystem::remove_folder(folder); });
  }
  void sync_path(const std::filesystem::path&) override { process_.step(); }

 private:
  class File final : public core::WritableFile {
   public:
    File(Mortal& process, std::unique_ptr<core::WritableFile> inner) : process_(process), inner_(std::move(inner)) {}
    void write(std::span<const std::byte> bytes) override {
      const auto half = bytes.size() / 2;
      process_.step();
      inner_->write(bytes.first(half));
      process_.step();
      inner_->write(bytes.subspan(half));
      process_.step();
    }
    void sync() override { process_.step(); }
    void close() override {
      process_.step();
      inner_->close();
    }

   private:
    Mortal& process_;
    std::unique_ptr<core::WritableFile> inner_;
  };

  template <class Operation>
  std::invoke_result_t<Operation> around(Operation operation) {
    process_.step();
    auto result = operation();
    process_.step();
    return result;
  }

  Mortal& process_;
};

}  // namespace resolute::tests
