#include "journal/event.h"

#include "base/strings.h"

namespace reeve::journal {

namespace {

constexpr std::size_t kNumberBytes = 8;

/// Little-endian whatever the machine, so that a journal can be checked on another one.
void append_fixed(std::string& out, std::uint64_t number) {
  char bytes[kNumberBytes];
  for (char& byte : bytes) {
    byte = static_cast<char>(number & 0xffU);
    number >>= 8U;
  }
  out.append(bytes, kNumberBytes);
}

void append_number(std::string& out, std::uint64_t number) {
  append_fixed(out, kNumberBytes);
  append_fixed(out, number);
}

void append_text(std::string& out, std::string_view text) {
  append_fixed(out, text.size());
  out.append(text);
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Workflow:
      return "workflow";
    case Kind::Mission:
      return "mission";
    case Kind::Credential:
      return "credential";
    case Kind::Setting:
      return "setting";
    case Kind::Channel:
      return "channel";
    case Kind::Pool:
      return "pool";
    case Kind::Namespace:
      return "namespace";
    case Kind::BudgetQuota:
      return "budgetquota";
    case Kind::BlackboardEntry:
      return "blackboardentry";
    case Kind::Role:
      return "role";
    case Kind::ClusterRole:
      return "clusterrole";
    case Kind::RoleBinding:
      return "rolebinding";
    case Kind::ClusterRoleBinding:
      return "clusterrolebinding";
    case Kind::Token:
      return "token";
    case Kind::Metadata:
      return "metadata";
    case Kind::Denial:
      return "denial";
    case Kind::Agent:
      return "agent";
    case Kind::ModelRoute:
      return "modelroute";
    case Kind::ToolServer:
      return "toolserver";
    case Kind::ToolCall:
      return "toolcall";
    case Kind::ModelCall:
      return "modelcall";
    case Kind::BudgetUsage:
      return "budgetusage";
    case Kind::ClusterBudgetQuota:
      return "clusterbudgetquota";
    case Kind::Endpoint:
      return "endpoint";
    case Kind::Incident:
      return "incident";
    case Kind::NotificationSink:
      return "notificationsink";
  }
  return "unknown";
}

Result<Kind> parse_kind(std::string_view text) {
  for (const Kind kind : kAllKinds) {
    if (to_string(kind) == text) {
      return kind;
    }
  }
  return make_error(ErrorCode::Invalid, concat("there is no kind \"", text, "\""), "kind");
}

const Sha256Bytes& Chain::advance(const Event& event) {
  buffer_.clear();
  buffer_.append(reinterpret_cast<const char*>(head_.data()), head_.size());
  append_number(buffer_, event.revision.value());
  append_number(buffer_, static_cast<std::uint64_t>(to_unix_millis(event.at)));
  append_text(buffer_, to_string(event.object.kind));
  append_text(buffer_, event.object.ns.view());
  append_text(buffer_, event.object.name);
  append_text(buffer_, event.uid.view());
  append_text(buffer_, event.type);
  append_text(buffer_, event.actor.view());
  append_text(buffer_, event.correlation.view());
  append_fixed(buffer_, event.data.size());
  hash_.update(buffer_);
  // The data may be a mebibyte: hashed where it is, and not kept in the buffer afterwards.
  hash_.update(event.data);
  head_ = hash_.finish();
  return head_;
}

Result<void> ChainVerifier::check(const Event& event) {
  const std::string_view subject = "journal";
  if (event.revision != last_.next()) {
    return make_error(
        ErrorCode::Corrupt,
        concat(
            "revision ",
            event.revision.value(),
            " follows revision ",
            last_.value(),
            ": an event is missing, repeated or out of order"
        ),
        std::string(subject)
    );
  }
  const Sha256Bytes before = chain_.head();
  if (chain_.advance(event) != event.chain) {
    chain_ = Chain(before);
    return make_error(
        ErrorCode::Corrupt,
        concat(
            "revision ",
            event.revision.value(),
            " does not have the chain value of its content: it was changed after it was written"
        ),
        std::string(subject)
    );
  }
  last_ = event.revision;
  return {};
}

}  // namespace reeve::journal
