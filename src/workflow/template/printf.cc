#include "workflow/template/printf.h"

#include <optional>
#include <utility>

#include "base/strings.h"
#include "workflow/template/numerals.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

bool is_one_of(char32_t verb, std::string_view verbs) {
  return verb < 0x80 && verbs.find(static_cast<char>(verb)) != std::string_view::npos;
}

/// Prints one argument of one directive. Depth is bounded by kValueDepthMax: deeper data is
/// refused before anything is printed.
class ValuePrinter {
 public:
  ValuePrinter(Printer& sink, const FormatSpec& spec) : sink_(sink), spec_(spec) {}

  void argument(const Json& json, char32_t verb) {
    if (verb == 'T') {
      sink_.write(format_string(spec_, type_name(json), 's'));
    } else if (json.is_null() && verb == 'v') {
      sink_.write(padded(spec_, "<nil>"));
    } else if (json.is_null()) {
      bad_verb(json, verb);
    } else {
      value(json, verb);
    }
  }

  /// `%!d(string=x)`
  void bad_verb(const Json& json, char32_t verb) {
    std::string head = "%!";
    append_rune(head, verb);
    sink_.write(concat(head, "("));
    if (json.is_null()) {
      sink_.write("<nil>");
    } else {
      sink_.write(concat(type_name(json), "="));
      value(json, 'v');
    }
    sink_.write(")");
  }

 private:
  void value(const Json& json, char32_t verb) {
    const char letter = verb < 0x80 ? static_cast<char>(verb) : '\0';
    switch (json.type()) {
      case Json::Type::Null:
        sink_.write(spec_.source ? "interface {}(nil)" : "<nil>");
        return;
      case Json::Type::Bool:
        if (!is_one_of(verb, "vt")) {
          return bad_verb(json, verb);
        }
        return sink_.write(padded(spec_, json.as_bool() ? "true" : "false"));
      case Json::Type::Int:
        return integer(json, letter, verb);
      case Json::Type::Double:
        if (!is_one_of(verb, "vbeEfFgGxX")) {
          return bad_verb(json, verb);
        }
        return sink_.write(format_float(spec_, json.as_double(), letter));
      case Json::Type::String:
        return string(json, letter, verb);
      case Json::Type::Array:
        return array(json, verb);
      case Json::Type::Object:
        return object(json, verb);
    }
  }

  void integer(const Json& json, char letter, char32_t verb) {
    if (is_one_of(verb, "cqU")) {
      return sink_.write(format_rune(spec_, json.as_int(), letter));
    }
    if (!is_one_of(verb, "vbdoOxX")) {
      return bad_verb(json, verb);
    }
    sink_.write(format_integer(spec_, json.as_int(), letter == 'v' ? 'd' : letter));
  }

  void string(const Json& json, char letter, char32_t verb) {
    if (!is_one_of(verb, "vsqxX")) {
      return bad_verb(json, verb);
    }
    const char plain = spec_.source ? 'q' : 's';
    sink_.write(format_string(spec_, json.as_string(), letter == 'v' ? plain : letter));
  }

  void array(const Json& json, char32_t verb) {
    const bool source = spec_.source && verb == 'v';
    sink_.write(source ? "[]interface {}{" : "[");
    for (const Json& item : json.as_array()) {
      if (&item != json.as_array().data()) {
        sink_.write(source ? ", " : " ");
      }
      value(item, verb);
      if (sink_.full()) {
        return;
      }
    }
    sink_.write(source ? "}" : "]");
  }

  void object(const Json& json, char32_t verb) {
    const bool source = spec_.source && verb == 'v';
    sink_.write(source ? "map[string]interface {}{" : "map[");
    bool first = true;
    for (const Json::Member* member : sorted_members(json)) {
      if (!std::exchange(first, false)) {
        sink_.write(source ? ", " : " ");
      }
      value(Json(member->first), verb);
      sink_.write(":");
      value(member->second, verb);
      if (sink_.full()) {
        return;
      }
    }
    sink_.write(source ? "}" : "]");
  }

  Printer& sink_;
  const FormatSpec& spec_;
};

/// One fmt.Sprintf.
class FormatRun {
 public:
  FormatRun(Printer& sink, std::string_view format, std::span<const Value> arguments)
      : sink_(sink), format_(format), arguments_(arguments) {}

  void run() {
    while (at_ < format_.size() && !sink_.full()) {
      const std::size_t mark = std::min(format_.find('%', at_), format_.size());
      sink_.write(format_.substr(at_, mark - at_));
      at_ = mark + 1;
      if (mark < format_.size()) {
        directive();
      }
    }
    if (!reordered_ && argument_ < arguments_.size()) {
      extra();
    }
  }

 private:
  bool at_char(char c) const { return at_ < format_.size() && format_[at_] == c; }

  void directive() {
    spec_ = {};
    good_index_ = true;
    bool after_index = false;
    flags();
    index(after_index);
    width(after_index);
    precision(after_index);
    if (!after_index) {
      index(after_index);
    }
    if (at_ >= format_.size()) {
      sink_.write("%!(NOVERB)");
      return;
    }
    const Rune rune = decode_rune(format_.substr(at_));
    at_ += rune.size;
    carry_out(rune.value);
  }

  void carry_out(char32_t verb) {
    std::string name;
    append_rune(name, verb);
    if (verb == '%') {
      sink_.write("%");
    } else if (!good_index_) {
      sink_.write(concat("%!", name, "(BADINDEX)"));
    } else if (argument_ >= arguments_.size()) {
      sink_.write(concat("%!", name, "(MISSING)"));
    } else {
      if (verb == 'v') {
        spec_.source = std::exchange(spec_.sharp, false);
        spec_.plus = false;
      }
      ValuePrinter(sink_, spec_).argument(arguments_[argument_++].json(), verb);
    }
  }

  void flags() {
    for (; at_ < format_.size(); ++at_) {
      switch (format_[at_]) {
        case '#':
          spec_.sharp = true;
          break;
        case '0':
          spec_.zero = !spec_.minus;
          break;
        case '+':
          spec_.plus = true;
          break;
        case '-':
          spec_.minus = true;
          spec_.zero = false;
          break;
        case ' ':
          spec_.space = true;
          break;
        default:
          return;
      }
    }
  }

  /// A decimal number up to kFormatNumberMax; the digits are passed in any case.
  std::optional<int> number() {
    int value = 0;
    const std::size_t begin = at_;
    bool too_large = false;
    for (; at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9'; ++at_) {
      value = too_large ? value : value * 10 + (format_[at_] - '0');
      too_large = too_large || value > kFormatNumberMax;
    }
    return at_ == begin || too_large ? std::nullopt : std::optional(value);
  }

  /// `[n]`: the next argument is number n.
  void index(bool& after_index) {
    if (!at_char('[')) {
      after_index = false;
      return;
    }
    reordered_ = true;
    const std::size_t close = format_.find(']', at_);
    if (close == std::string_view::npos) {
      good_index_ = false;
      after_index = false;
      ++at_;
      return;
    }
    ++at_;
    const auto chosen = number();
    after_index = chosen.has_value() && at_ == close;
    at_ = close + 1;
    if (after_index && *chosen >= 1 && static_cast<std::size_t>(*chosen) <= arguments_.size()) {
      argument_ = static_cast<std::size_t>(*chosen) - 1;
    } else {
      good_index_ = false;
    }
  }

  /// The argument of a `*`.
  std::optional<int> star() {
    ++at_;
    if (argument_ >= arguments_.size()) {
      return std::nullopt;
    }
    const Json& json = arguments_[argument_++].json();
    const bool fits =
        json.is_int() && json.as_int() >= -kFormatNumberMax && json.as_int() <= kFormatNumberMax;
    return fits ? std::optional(static_cast<int>(json.as_int())) : std::nullopt;
  }

  void width(bool& after_index) {
    if (!at_char('*')) {
      spec_.width = number();
      if (after_index && spec_.width) {
        good_index_ = false;
      }
      return;
    }
    spec_.width = star();
    if (!spec_.width) {
      sink_.write("%!(BADWIDTH)");
    } else if (*spec_.width < 0) {
      spec_.width = -*spec_.width;
      spec_.minus = true;
      spec_.zero = false;
    }
    after_index = false;
  }

  void precision(bool& after_index) {
    if (!at_char('.')) {
      return;
    }
    ++at_;
    if (after_index) {
      good_index_ = false;
    }
    index(after_index);
    if (!at_char('*')) {
      spec_.precision = number().value_or(0);
      return;
    }
    spec_.precision = star();
    if (!spec_.precision) {
      sink_.write("%!(BADPREC)");
    } else if (*spec_.precision < 0) {
      spec_.precision.reset();
      sink_.write("%!(BADPREC)");
    }
    after_index = false;
  }

  void extra() {
    spec_ = {};
    sink_.write("%!(EXTRA ");
    for (std::size_t i = argument_; i < arguments_.size() && !sink_.full(); ++i) {
      const Json& json = arguments_[i].json();
      sink_.write(i > argument_ ? ", " : "");
      sink_.write(json.is_null() ? std::string() : concat(type_name(json), "="));
      ValuePrinter(sink_, spec_).argument(json, 'v');
    }
    sink_.write(")");
  }

  Printer& sink_;
  std::string_view format_;
  std::span<const Value> arguments_;
  FormatSpec spec_;
  std::size_t at_ = 0;
  std::size_t argument_ = 0;
  bool reordered_ = false;
  bool good_index_ = true;
};

}  // namespace

void Printer::write(std::string_view text) {
  const std::size_t room = size_max_ > out_.size() ? size_max_ - out_.size() : 0;
  full_ = full_ || text.size() > room;
  if (!full_) {
    out_ += text;
  }
}

void Printer::print(const Json& json) {
  const FormatSpec spec;
  ValuePrinter(*this, spec).argument(json, 'v');
}

void Printer::format(std::string_view format, std::span<const Value> arguments) {
  FormatRun(*this, format, arguments).run();
}

void Printer::sprint(std::span<const Value> arguments) {
  bool string_before = true;
  for (const Value& argument : arguments) {
    const bool string = argument.json().is_string();
    if (!string && !string_before) {
      write(" ");
    }
    print(argument.json());
    string_before = string;
  }
}

void Printer::sprintln(std::span<const Value> arguments) {
  for (const Value& argument : arguments) {
    write(&argument != arguments.data() ? " " : "");
    print(argument.json());
  }
  write("\n");
}

}  // namespace reeve::templates
