#include "resource/schema/date_time.h"

#include <cstddef>

namespace reeve::resource::schema {

namespace {

constexpr int kNoNumber = -1;

class DateTimeReader {
 public:
  explicit DateTimeReader(std::string_view text) : text_(text) {}

  bool read() {
    const int year = number(4);
    const int month = take('-') ? number(2) : kNoNumber;
    const int day = take('-') ? number(2) : kNoNumber;
    const bool date =
        year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= days(year, month);
    if (!date || !(take('T') || take('t')) || !time()) {
      return false;
    }
    return (take('Z') || take('z') || offset()) && at_ == text_.size();
  }

 private:
  static int days(int year, int month) {
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
  }

  bool time() {
    const int hour = number(2);
    const int minute = take(':') ? number(2) : kNoNumber;
    const int second = take(':') ? number(2) : kNoNumber;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
      return false;
    }
    if (!take('.')) {
      return true;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      ++at_;
    }
    return at_ > start;
  }

  bool offset() {
    if (!take('+') && !take('-')) {
      return false;
    }
    const int hour = number(2);
    const int minute = take(':') ? number(2) : kNoNumber;
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
  }

  bool take(char c) {
    const bool found = at_ < text_.size() && text_[at_] == c;
    at_ += found ? 1 : 0;
    return found;
  }

  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      if (at_ >= text_.size() || text_[at_] < '0' || text_[at_] > '9') {
        return kNoNumber;
      }
      value = value * 10 + (text_[at_] - '0');
    }
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_date_time(std::string_view text) {
  return DateTimeReader(text).read();
}

}  // namespace reeve::resource::schema
