#include "executor/agent/loop_state.h"

#include <array>

#include "base/fields.h"
#include "base/hash.h"
#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

constexpr std::array<std::string_view, 7> kKinds = {
    "begin", "ask", "reply", "call", "result", "remark", "end"};
constexpr std::size_t kKeyDigits = 24;
constexpr std::size_t kQuestionDigits = 16;

Error corrupt(std::string_view what) {
  return make_error(ErrorCode::Corrupt, std::string(what), "journal");
}

}  // namespace

std::string encode(const Record& record) {
  Json json = Json::object();
  json.set("kind", kKinds.at(static_cast<std::size_t>(record.kind)));
  if (!record.text.empty()) {
    json.set("text", record.text);
  }
  if (!record.body.is_null()) {
    json.set("body", record.body);
  }
  return concat(json.dump(), "\n");
}

Result<Record> decode_record(std::string_view line) {
  const Result<Json> json = parse_json(line);
  if (!json) {
    return corrupt("a line is no JSON");
  }
  Fields fields(*json, "record");
  const std::string kind = fields.required_text("kind");
  Record record;
  record.text = fields.text("text");
  fields.skip("body");
  if (const Result<void> good = fields.finish(); !good) {
    return corrupt(good.error().describe());
  }
  if (const Json* body = json->find("body")) {
    record.body = *body;
  }
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds.at(i) == kind) {
      record.kind = static_cast<Record::Kind>(i);
      return record;
    }
  }
  return corrupt(concat("a record is of the unknown kind ", kind));
}

Record begin_record(std::string_view key, std::string_view digest) {
  return {.kind = Record::Kind::Begin, .text = std::string(key), .body = Json(digest)};
}

Record result_record(std::string_view call, std::string_view text, bool failed) {
  Json body = Json::object();
  body.set("text", text).set("failed", failed);
  return {.kind = Record::Kind::Result, .text = std::string(call), .body = std::move(body)};
}

LoopState::LoopState(std::string prompt) {
  messages_.push_back(
      {.role = Message::Role::User,
       .text = std::move(prompt),
       .calls = {},
       .raw = {},
       .call_id = {},
       .failed = false}
  );
}

Result<void> LoopState::move(Phase to) {
  const Phase from = machine_.phase();
  if (!machine_.move(to)) {
    return corrupt(concat("there is no step from ", to_string(from), " to ", to_string(to)));
  }
  return {};
}

Result<void> LoopState::apply(const Record& record) {
  if (ended_ || (record.kind == Record::Kind::Begin) == begun()) {
    return corrupt(ended_ ? "it goes on after its end" : "it does not begin once");
  }
  switch (record.kind) {
    case Record::Kind::Begin:
      key_ = record.text;
      digest_ = record.body.is_string() ? record.body.as_string() : std::string();
      return move(Phase::Processing);
    case Record::Kind::Ask:
      if (machine_.phase() != Phase::Processing || asking_) {
        return corrupt("a question comes at the wrong time");
      }
      asking_ = true;
      ++asked_;
      return {};
    case Record::Kind::Reply:
      return take_reply(record);
    case Record::Kind::Call:
      called_.insert(record.text);
      return {};
    case Record::Kind::Result:
      return take_result(record);
    case Record::Kind::Remark:
      if (machine_.phase() == Phase::Responding) {
        // Not good enough: what was said so far is not the result.
        REEVE_CHECK(move(Phase::Idle));
        REEVE_CHECK(move(Phase::Processing));
      }
      ++remarks_;
      messages_.push_back(
          {.role = Message::Role::User,
           .text = record.text,
           .calls = {},
           .raw = {},
           .call_id = {},
           .failed = false}
      );
      return {};
    case Record::Kind::End:
      ended_ = true;
      return machine_.phase() == Phase::Idle ? Result<void>{} : move(Phase::Idle);
  }
  return {};
}

Result<void> LoopState::take_reply(const Record& record) {
  if (machine_.phase() != Phase::Processing || !asking_) {
    return corrupt("a reply comes without a question");
  }
  REEVE_TRY(Reply reply, reply_from_json(record.body));
  asking_ = false;
  called_.clear();
  stop_ = reply.stop;
  input_tokens_ += reply.input_tokens;
  output_tokens_ += reply.output_tokens;
  pending_.assign(reply.message.calls.begin(), reply.message.calls.end());
  messages_.push_back(std::move(reply.message));
  return move(pending_.empty() ? Phase::Responding : Phase::ToolExecuting);
}

Result<void> LoopState::take_result(const Record& record) {
  if (machine_.phase() != Phase::ToolExecuting || pending_.front().id != record.text) {
    return corrupt("a result comes without its call");
  }
  messages_.push_back(
      {.role = Message::Role::Tool,
       .text = record.body.get_string("text"),
       .calls = {},
       .raw = {},
       .call_id = record.text,
       .failed = record.body.get_bool("failed")}
  );
  pending_.pop_front();
  return pending_.empty() ? move(Phase::Processing) : Result<void>{};
}

std::string LoopState::question_id(std::string_view question) const {
  const std::uint32_t number = asking_ ? asked_ : asked_ + 1;
  return concat(
      "q-",
      sha256(key_).view().substr(0, kKeyDigits),
      "-",
      number,
      "-",
      sha256(question).view().substr(0, kQuestionDigits)
  );
}

std::string LoopState::call_key(std::string_view call) const {
  // Models number their calls as they like; the question makes them unique.
  return concat("c-", sha256(concat(key_, "\n", asked_, "\n", call)).str().substr(0, kKeyDigits));
}

}  // namespace reeve::executor::agent
