#include "report/server/editions.h"

#include <utility>

namespace resolute::report {

Editions::Viewer::Viewer(Editions& editions) : editions_(editions) {
  const std::lock_guard lock(editions_.mutex_);
  ++editions_.viewers_;
}

Editions::Viewer::~Viewer() {
  const std::lock_guard lock(editions_.mutex_);
  --editions_.viewers_;
}

void Editions::publish(std::string document, const std::function<std::string(std::uint64_t)>& page) {
  // Nobody else changes it: large texts are compared and made without keeping viewers waiting.
  Edition next = edition_;
  if (next.document == nullptr || *next.document != document) {
    ++next.number;
    next.page = std::make_shared<const std::string>(page(next.number));
    next.document = std::make_shared<const std::string>(std::move(document));
  }
  const std::lock_guard lock(mutex_);
  edition_ = std::move(next);
  ++looks_;
  asked_ = false;
  words_.clear();
  changed_.notify_all();
}

void Editions::fail(const std::string& words) {
  const std::lock_guard lock(mutex_);
  ++looks_;
  asked_ = false;
  if (words_ != words) ++trouble_;
  words_ = words;
  changed_.notify_all();
}

bool Editions::wanted() const {
  const std::lock_guard lock(mutex_);
  return viewers_ > 0 || asked_;
}

void Editions::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

Edition Editions::open(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (viewers_ == 0 && !ended_) {
    asked_ = true;
    changed_.wait_for(lock, patience, [&, looks = looks_] { return looks_ > looks || ended_; });
  }
  return edition_;
}

News Editions::wait(const News& seen, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] {
    const News now = news();
    return now.edition != seen.edition || now.words != seen.words || now.trouble != seen.trouble || now.ended;
  });
  return news();
}

News Editions::news() const { return {edition_.number, trouble_, words_, ended_}; }

}  // namespace resolute::report
