#include "experiments/language/synonyms.h"

#include <gmock/gmock.h>

#include <set>

#include "experiments/language/settings.h"
#include "settings/names.h"
#include "tests/experiments/suite_refusal.h"

namespace resolute::experiments::synonyms_test {
namespace {

using namespace testing;

TEST(Synonyms, no_word_is_a_key_or_has_two_meanings_and_each_meaning_is_made_of_keys) {
  std::set<std::string> taken{"backbone"};
  const auto keys = setting_keys();
  for (const std::string& key : keys) taken.insert(key.substr(key.rfind('.') + 1));
  for (const Synonym& synonym : synonyms()) {
    for (const std::string_view word : synonym.words) EXPECT_TRUE(taken.insert(std::string(word)).second) << word;
    for (const std::string_view key : synonym.keys) EXPECT_TRUE(settings::is_among(keys, key)) << key;
    EXPECT_FALSE(synonym.keys.empty() && synonym.remark.empty()) << synonym.words.front();
  }
}

TEST(Synonyms, a_word_is_known_in_any_table_and_spelling) {
  for (const char* word : {"lr", "train.lr", "LR", "optimizer.base-lr", "TRAIN.BASE_LR"}) {
    const Synonym* synonym = synonym_of(word);
    ASSERT_NE(nullptr, synonym) << word;
    EXPECT_THAT(synonym->keys, ElementsAre("train.learning_rate"));
  }
  for (const char* word : {"", ".", "lr.", "lrx", "train.steps"}) EXPECT_EQ(nullptr, synonym_of(word)) << word;
}

TEST(Synonyms, an_unknown_key_of_pytorch_gets_our_key_instead_of_all_keys) {
  const auto expect_hint = [](const std::string& key, const std::string& hint) {
    EXPECT_EQ("s.toml:10:1: key 'train." + key + "' is unknown; " + hint, with("steps = 10", key + " = 10")) << key;
  };
  expect_hint("lr", "did you mean 'train.learning_rate'");
  expect_hint("batch_size", "a batch has 'train.identities' × 'train.images' images");
  expect_hint("optimizer", "did you mean 'train.optimiser'");
  expect_hint("num_epochs", "did you mean 'train.epochs'");
  expect_hint("amp", "did you mean 'train.precision', which is f32, bf16 or tf32");
  expect_hint("fp16", "did you mean 'train.precision', which is f32, bf16 or tf32");
  expect_hint("seed", "did you mean 'trials': trial t has seed t, from 0");
  expect_hint("pretrained", "did you mean 'weights', as weights = \"imagenet\"");
  expect_hint("augment", "did you mean 'train.flip', 'train.pad', 'train.erasing', 'train.jitter', 'train.policy'");
  expect_hint("num_workers",
              "no key sets how images are loaded: each process rank loads ahead by as many threads as its machine has "
              "room for");
}

TEST(Synonyms, at_a_suite_s_top_the_hint_says_where_settings_stand) {
  EXPECT_THAT(with("title = \"Good\"", "title = \"Good\"\nlr = 0.1"),
              EndsWith("key 'lr' is unknown; did you mean 'train.learning_rate', which stands in [defaults], a profile "
                       "or a row"));
}

TEST(Synonyms, an_option_gets_the_same_hint) {
  SuiteOptions options;
  options.sets = {{"lr", "0.1"}};
  EXPECT_EQ("--set lr: key 'lr' is unknown; did you mean 'train.learning_rate'", message_for(kGood, options));
}

TEST(Synonyms, values_that_pytorch_knows_get_ours) {
  EXPECT_THAT(with("steps = 10", "steps = 10\nprecision = \"fp16\""), EndsWith("did you mean 'bf16'"));
  EXPECT_THAT(with("[defaults]", "[defaults]\ndevice = \"gpu\""), EndsWith("did you mean 'cuda'"));
  EXPECT_THAT(with("[defaults]", "[defaults]\ndevice = \"CPU\""), EndsWith("did you mean 'cpu'"));
}

}  // namespace
}  // namespace resolute::experiments::synonyms_test
