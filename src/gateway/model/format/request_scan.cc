#include "gateway/model/format/request_scan.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

/// Members at the top that count.
enum class Member : std::uint8_t {
  Other,
  Model,
  Stream,
  MaxTokens,
  MaxCompletionTokens,
  MaxOutputTokens,
  N,
  StreamOptions,
  Messages,
  Input,
  System,
  Tools,
  Thinking,
  Reasoning,
  ReasoningEffort,
  Prediction,
  PreviousResponse,
  Conversation,
  Prompt,
  ServiceTier,
  Speed,
  InferenceGeo,
  Modalities,
  WebSearchOptions,
  McpServers,
  Background,
  ContextManagement,
};

struct Named {
  std::string_view name;
  Member member;
};

constexpr std::array kMembers = {
    Named{"model", Member::Model},
    Named{"stream", Member::Stream},
    Named{"max_tokens", Member::MaxTokens},
    Named{"max_completion_tokens", Member::MaxCompletionTokens},
    Named{"max_output_tokens", Member::MaxOutputTokens},
    Named{"n", Member::N},
    Named{"stream_options", Member::StreamOptions},
    Named{"messages", Member::Messages},
    Named{"input", Member::Input},
    Named{"system", Member::System},
    Named{"tools", Member::Tools},
    Named{"thinking", Member::Thinking},
    Named{"reasoning", Member::Reasoning},
    Named{"reasoning_effort", Member::ReasoningEffort},
    Named{"prediction", Member::Prediction},
    Named{"previous_response_id", Member::PreviousResponse},
    Named{"conversation", Member::Conversation},
    Named{"prompt", Member::Prompt},
    Named{"service_tier", Member::ServiceTier},
    Named{"speed", Member::Speed},
    Named{"inference_geo", Member::InferenceGeo},
    Named{"modalities", Member::Modalities},
    Named{"web_search_options", Member::WebSearchOptions},
    Named{"mcp_servers", Member::McpServers},
    Named{"background", Member::Background},
    Named{"context_management", Member::ContextManagement}};

std::string_view name_of(Member member) {
  for (const Named& each : kMembers) {
    if (each.member == member) {
      return each.name;
    }
  }
  return "";
}

bool is_scalar(Member member) {
  return member == Member::Model || member == Member::Stream || member == Member::MaxTokens ||
         member == Member::MaxCompletionTokens || member == Member::MaxOutputTokens ||
         member == Member::N;
}

bool is_container(Member member) {
  return member == Member::StreamOptions || member == Member::Messages || member == Member::Tools;
}

/// Tools that the client carries out; what else there is costs what nobody knows.
bool is_client_tool(std::string_view type) {
  constexpr std::array<std::string_view, 7> kNames = {
      "function",
      "custom",
      "local_shell",
      "apply_patch",
      "computer_use_preview",
      "computer",
      "namespace"};
  constexpr std::array<std::string_view, 4> kPrefixes = {
      "bash_", "text_editor_", "computer_", "memory_"};
  return std::find(kNames.begin(), kNames.end(), type) != kNames.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](std::string_view prefix) {
           return type.starts_with(prefix);
         });
}

bool is_image(std::string_view type) {
  return type == "image" || type == "image_url" || type == "input_image" ||
         type == "computer_screenshot";
}

bool is_file(std::string_view type) {
  return type == "document" || type == "file" || type == "input_file" || type == "input_audio" ||
         type == "audio" || type == "video" || type == "video_url" || type == "input_video";
}

/// What a container is, as far as it matters. Everything that is not on the way to a message or a
/// tool is Other: a text that only looks like a picture, in the arguments of a tool for example,
/// counts as text.
enum class Role : std::uint8_t {
  Other,
  Root,
  Messages,
  Message,
  Content,
  Part,
  Source,
  Tools,
  Tool,
  StreamOptions,
  Thinking,
  Modalities,
  Compaction,
};

struct Frame {
  Role role = Role::Other;
  std::size_t begin = 0;
  std::size_t elements = 0;
  /// The member that is being read.
  std::string key;
  /// `type`, and how often it is said.
  std::string type;
  std::size_t types = 0;
  /// Bytes that are no text, if it is what it says.
  std::size_t payload = 0;
};

class Scanner final : public JsonSink {
 public:
  Scanner(Operation operation, RequestScan& scan) : operation_(operation), scan_(scan) {}

  void on_begin(bool object, std::size_t at) override {
    count_value();
    Frame frame;
    frame.role =
        frames_.empty() ? (object ? Role::Root : Role::Other) : role_of(frames_.back(), object);
    frame.begin = at;
    if (frames_.empty()) {
      if (!object) {
        fail("must be a JSON object", "");
      }
      scan_.members_at = at + 1;
    } else if (frames_.size() == 1) {
      begin_member(object);
    }
    frames_.push_back(std::move(frame));
  }

  void on_end(bool object, std::size_t end) override {
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frames_.empty()) {
      scan_.empty_object = frame.elements == 0;
      return;
    }
    if (frame.role == Role::Source) {
      frames_.back().payload += source_payload(frame);
    } else if (frame.role == Role::Part) {
      end_part(frame);
    } else if (frame.role == Role::Tool) {
      end_tool(frame);
    }
    if (frames_.size() == 1) {
      end_member(object, frame, end);
    }
  }

  void on_key(std::string_view name, ByteRange /*at*/) override {
    Frame& frame = frames_.back();
    if (frame.role == Role::Root) {
      member_ = Member::Other;
      for (const Named& each : kMembers) {
        if (each.name == name) {
          member_ = each.member;
        }
      }
      if (member_ != Member::Other && !seen_member(member_)) {
        fail("occurs twice", name);
      }
      frame.elements += 1;
    }
    if (frame.role == Role::StreamOptions) {
      frame.elements += 1;
      if (name == "include_usage" && scan_.include_usage_at) {
        fail("occurs twice", "stream_options.include_usage");
      }
    }
    if (frame.role != Role::Other) {
      frame.key = name;
    }
  }

  void on_text(std::string_view /*piece*/) override {}

  void on_string(std::string_view kept, std::size_t size, ByteRange at) override {
    count_value();
    if (frames_.empty()) {
      fail("must be a JSON object", "");
      return;
    }
    Frame& frame = frames_.back();
    const std::string& key = frame.key;
    switch (frame.role) {
      case Role::Root:
        text_member(kept, size, at);
        break;
      case Role::Thinking:
        if (key == "type" && kept != "disabled") {
          scan_.thinking = true;
        }
        break;
      case Role::Modalities:
        if (kept != "text") {
          unbounded(concat("modalities: ", kept));
        }
        break;
      case Role::Compaction:
        if (kept.starts_with("compact")) {
          unbounded(concat("context_management: ", kept));
        }
        break;
      case Role::StreamOptions:
        if (key == "include_usage") {
          fail("must be true or false", "stream_options.include_usage");
        }
        break;
      case Role::Part:
      case Role::Source:
      case Role::Tool:
        text_of_part(frame, kept, at);
        break;
      case Role::Other:
      case Role::Messages:
      case Role::Message:
      case Role::Content:
      case Role::Tools:
        break;
    }
  }

  void on_literal(std::string_view text, ByteRange at) override {
    count_value();
    if (frames_.empty()) {
      fail("must be a JSON object", "");
      return;
    }
    const Frame& frame = frames_.back();
    if (frame.role == Role::Root) {
      literal_member(text, at);
    } else if (frame.role == Role::StreamOptions && frame.key == "include_usage") {
      scan_.include_usage = text == "true";
      scan_.include_usage_at = at;
      if (text != "true" && text != "false" && text != "null") {
        fail("must be true or false", "stream_options.include_usage");
      }
    }
  }

  /// The first thing that is wrong.
  const std::optional<Error>& error() const { return error_; }

 private:
  static Role role_of(const Frame& parent, bool object) {
    const std::string& key = parent.key;
    switch (parent.role) {
      case Role::Root:
        return role_of_member(key, object);
      case Role::Messages:
        return object ? Role::Message : Role::Other;
      case Role::Message:
        if (!object && (key == "content" || key == "output")) {
          return Role::Content;
        }
        return object && key == "output" ? Role::Part : Role::Other;
      case Role::Content:
        return object ? Role::Part : Role::Other;
      case Role::Part:
        if (!object) {
          return key == "content" ? Role::Content : Role::Other;
        }
        return key == "source" || key == "image_url" || key == "input_audio" || key == "file"
                   ? Role::Source
                   : Role::Other;
      case Role::Source:
        return !object && key == "content" ? Role::Content : Role::Other;
      case Role::Tools:
        return object ? Role::Tool : Role::Other;
      case Role::Tool:
        return !object && key == "tools" ? Role::Tools : Role::Other;
      case Role::Compaction:
        return Role::Compaction;
      case Role::Other:
      case Role::StreamOptions:
      case Role::Thinking:
      case Role::Modalities:
        return Role::Other;
    }
    return Role::Other;
  }

  static Role role_of_member(std::string_view key, bool object) {
    if (key == "context_management") {
      return Role::Compaction;
    }
    if (object) {
      return key == "stream_options" ? Role::StreamOptions
             : key == "thinking"     ? Role::Thinking
                                     : Role::Other;
    }
    return key == "messages" || key == "input" ? Role::Messages
           : key == "system"                   ? Role::Content
           : key == "tools"                    ? Role::Tools
           : key == "modalities"               ? Role::Modalities
                                               : Role::Other;
  }

  void count_value() {
    if (!frames_.empty()) {
      const Role role = frames_.back().role;
      if (role == Role::Messages || role == Role::Tools) {
        frames_.back().elements += 1;
      }
    }
  }

  void begin_member(bool object) {
    if (is_scalar(member_)) {
      fail("has a wrong type", name_of(member_));
    } else if (member_ == Member::StreamOptions && !object) {
      fail("must be an object", "stream_options");
    } else if ((member_ == Member::Messages || member_ == Member::Tools) && object) {
      fail("must be an array", name_of(member_));
    } else if (member_ == Member::Reasoning) {
      scan_.thinking = true;
    } else if (member_ == Member::Conversation || member_ == Member::Prompt) {
      goes_on();
    } else if (member_ == Member::WebSearchOptions) {
      unbounded("web_search_options");
    }
  }

  void end_member(bool object, const Frame& frame, std::size_t end) {
    const ByteRange at{frame.begin, end};
    if (member_ == Member::StreamOptions && object) {
      scan_.stream_options_at = at;
      scan_.stream_options_empty = frame.elements == 0;
    } else if (member_ == Member::Tools) {
      scan_.tools = frame.elements;
    } else if (member_ == Member::Prediction) {
      scan_.prediction_bytes = at.size();
    } else if (member_ == Member::McpServers && at.size() > 2) {
      unbounded("mcp_servers");
    }
  }

  void text_member(std::string_view kept, std::size_t size, ByteRange at) {
    if (member_ == Member::Model) {
      if (size == 0 || size > kModelNameBytesMax) {
        fail(concat("must have 1 to ", kModelNameBytesMax, " characters"), "model");
      }
      scan_.model = kept;
      scan_.model_at = at;
    } else if (is_scalar(member_) || is_container(member_)) {
      fail("has a wrong type", name_of(member_));
    } else if (member_ == Member::ReasoningEffort) {
      scan_.thinking = scan_.thinking || kept != "none";
    } else if (member_ == Member::Prediction) {
      scan_.prediction_bytes = at.size();
    } else if (member_ == Member::PreviousResponse || member_ == Member::Conversation) {
      goes_on();
    } else {
      dearer_member(kept);
    }
  }

  /// What costs more than the usual price.
  void dearer_member(std::string_view kept) {
    constexpr std::array<std::string_view, 5> kTiers = {
        "auto", "default", "standard", "standard_only", "flex"};
    const bool dearer = (member_ == Member::ServiceTier &&
                         std::find(kTiers.begin(), kTiers.end(), kept) == kTiers.end()) ||
                        (member_ == Member::Speed && kept != "standard") ||
                        (member_ == Member::InferenceGeo && kept != "global");
    if (dearer) {
      unbounded(concat(name_of(member_), ": ", kept));
    }
  }

  void literal_member(std::string_view text, ByteRange at) {
    if (text == "null") {
      null_member(at);
    } else if (member_ == Member::Stream) {
      scan_.stream = text == "true";
      if (text != "true" && text != "false") {
        fail("must be true or false", "stream");
      }
    } else if (member_ == Member::MaxTokens) {
      scan_.max_tokens = whole(text);
    } else if (member_ == Member::MaxCompletionTokens) {
      scan_.max_completion_tokens = whole(text);
    } else if (member_ == Member::MaxOutputTokens) {
      scan_.max_output_tokens = whole(text);
    } else if (member_ == Member::N) {
      scan_.n = whole(text);
      if (scan_.n == 0 || scan_.n > kAnswersMax) {
        fail(concat("must be between 1 and ", kAnswersMax), "n");
      }
    } else if (member_ == Member::Background) {
      if (text == "true") {
        unbounded("background");
      }
    } else if (member_ == Member::Model || is_container(member_)) {
      fail("has a wrong type", name_of(member_));
    }
  }

  /// The body is not all of the input.
  void goes_on() { scan_.stored_input = scan_.stored_input || operation_ == Operation::Responses; }

  void null_member(ByteRange at) {
    if (member_ == Member::MaxTokens || member_ == Member::MaxCompletionTokens ||
        member_ == Member::MaxOutputTokens) {
      scan_.null_limits.emplace_back(name_of(member_), at);
    } else if (member_ == Member::StreamOptions) {
      scan_.stream_options_at = at;
      scan_.stream_options_null = true;
    } else if (member_ == Member::Model) {
      fail("must be a text", "model");
    }
  }

  std::uint64_t whole(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      fail("must be a whole number", name_of(member_));
      return 0;
    }
    if (number > kRequestTokensMax) {
      fail(
          concat("must be at most ", kRequestTokensMax), name_of(member_), ErrorCode::LimitExceeded
      );
      return 0;
    }
    return number;
  }

  static void text_of_part(Frame& frame, std::string_view kept, ByteRange at) {
    const std::string& key = frame.key;
    if (key == "type") {
      frame.type = kept;
      frame.types += 1;
    } else if (frame.role == Role::Part) {
      if ((key == "image_url" || key == "file_data") && kept.starts_with("data:")) {
        frame.payload += at.size();
      }
    } else if (frame.role == Role::Source) {
      if (key == "data" || ((key == "url" || key == "file_data") && kept.starts_with("data:"))) {
        frame.payload += at.size();
      }
    }
  }

  /// Documents may be plain text; that is input like any other.
  static std::size_t source_payload(const Frame& source) {
    const bool encoded = source.types == 0 || (source.types == 1 && source.type == "base64");
    return encoded ? source.payload : 0;
  }

  void end_part(const Frame& part) {
    if (part.types != 1) {
      return;
    }
    if (is_image(part.type)) {
      scan_.images += 1;
      scan_.attachment_bytes += part.payload;
    } else if (is_file(part.type)) {
      scan_.files += 1;
      scan_.attachment_bytes += part.payload;
    }
  }

  void end_tool(const Frame& tool) {
    if (tool.types > 1) {
      fail("occurs twice", "tools.type");
    } else if (tool.types == 1 && !is_client_tool(tool.type)) {
      unbounded(tool.type);
    }
  }

  void unbounded(std::string what) {
    what.resize(std::min<std::size_t>(what.size(), 64));
    if (scan_.unbounded.size() < kUnboundedMax) {
      scan_.unbounded.push_back(std::move(what));
    }
  }

  bool seen_member(Member member) {
    const std::uint64_t bit = 1ULL << static_cast<unsigned>(member);
    const bool first = (seen_ & bit) == 0;
    seen_ |= bit;
    return first;
  }

  void fail(std::string message, std::string_view subject, ErrorCode code = ErrorCode::Invalid) {
    if (!error_) {
      error_ = make_error(code, std::move(message), std::string(subject));
    }
  }

  Operation operation_;
  RequestScan& scan_;
  std::vector<Frame> frames_;
  Member member_ = Member::Other;
  std::uint64_t seen_ = 0;
  std::optional<Error> error_;
};

}  // namespace

std::optional<std::uint64_t> RequestScan::output_limit() const {
  std::optional<std::uint64_t> largest;
  for (const std::optional<std::uint64_t>& each :
       {max_tokens, max_completion_tokens, max_output_tokens}) {
    if (each && (!largest || *each > *largest)) {
      largest = each;
    }
  }
  return largest;
}

Result<RequestScan> scan_request(
    Operation operation, std::string_view body, const ScanLimits& limits
) {
  if (body.size() > limits.size_bytes_max) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the request has ", body.size(), " bytes, the limit is ", limits.size_bytes_max)
    );
  }
  RequestScan scan;
  scan.size_bytes = body.size();
  Scanner scanner(operation, scan);
  JsonStream stream(scanner, limits.depth_max);
  if (!stream.feed(body) || !stream.finish()) {
    return make_error(ErrorCode::Invalid, concat("the request is no JSON: ", stream.problem()));
  }
  if (scanner.error()) {
    return *scanner.error();
  }
  return scan;
}

}  // namespace reeve::gateway::model
