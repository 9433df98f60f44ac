#pragma once
//! \file
//! Editions of a page: one for each state of a suite. One thread reads the store and makes them; many viewers read
//! them.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace resolute::report {

struct Edition {
  std::uint64_t number = 0;  //!< 0: none yet; grows
  std::shared_ptr<const std::string> page{}, document{};
};

//! News for a viewer.
struct News {
  std::uint64_t edition = 0;
  std::uint64_t trouble = 0;  //!< grows with each; 0: none ever
  std::string words{};        //!< of the trouble, while it lasts
  bool ended = false;         //!< nobody makes editions any more
};

//! Thread-safe.
class Editions {
 public:
  //! A viewer that follows: while one lives, editions are wanted.
  class Viewer {
   public:
    explicit Viewer(Editions& editions);
    ~Viewer();
    Viewer(const Viewer&) = delete;
    Viewer& operator=(const Viewer&) = delete;

   private:
    Editions& editions_;
  };

  // For the thread that reads the store.

  //! The store was looked at: where `document` is another than the last one, there is a new edition of it. One thread.
  //! \param page made for a new edition only, of its number
  void publish(std::string document, const std::function<std::string(std::uint64_t number)>& page);
  //! The store could not be read: the last edition stands. Told once for as long as the words are the same.
  void fail(const std::string& words);
  //! Somebody looks on, or asked since the last look.
  bool wanted() const;
  void end();

  // For the server.

  //! The last edition. If nobody followed, a new one is made for this call, if that takes no longer than `patience`.
  Edition open(std::chrono::milliseconds patience);
  //! Waits until there is something that `seen` does not have, or for `time`.
  News wait(const News& seen, std::chrono::milliseconds time);

 private:
  News news() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Edition edition_;
  std::uint64_t looks_ = 0;
  std::uint64_t trouble_ = 0;
  std::string words_;
  int viewers_ = 0;
  bool asked_ = false;
  bool ended_ = false;
};

}  // namespace resolute::report
