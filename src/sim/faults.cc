#include "sim/faults.h"

#include <array>

namespace reeve::sim {

namespace {

struct Dial {
  PerMillion FaultRates::*rate;
  PerMillion usual;
};

constexpr std::array<Dial, 17> kDials = {{
    {&FaultRates::crash_at_boundary, 15'000},
    {&FaultRates::commit_fails, 10'000},
    {&FaultRates::commit_ambiguous, 10'000},
    {&FaultRates::disk_fills, 3'000},
    {&FaultRates::read_fails, 5'000},
    {&FaultRates::effect_lost, 30'000},
    {&FaultRates::effect_doubled, 60'000},
    {&FaultRates::effect_late, 30'000},
    {&FaultRates::report_lost, 30'000},
    {&FaultRates::report_doubled, 60'000},
    {&FaultRates::report_late, 30'000},
    {&FaultRates::command_doubled, 200'000},
    {&FaultRates::reply_lost, 100'000},
    {&FaultRates::host_dies, 100'000},
    {&FaultRates::clock_jumps, 30'000},
    {&FaultRates::zombie, 400'000},
    {&FaultRates::timer_late, 50'000},
}};

}  // namespace

bool FaultRates::none() const {
  for (const Dial& dial : kDials) {
    if (this->*dial.rate != 0) {
      return false;
    }
  }
  return true;
}

FaultRates FaultRates::draw(Random& random) {
  FaultRates rates;
  if (random.below(8) == 0) {
    return rates;
  }
  for (const Dial& dial : kDials) {
    switch (random.below(6)) {
      case 0:
      case 1:
        break;
      case 2:
        rates.*dial.rate = dial.usual / 4;
        break;
      case 3:
      case 4:
        rates.*dial.rate = dial.usual;
        break;
      case 5:
        rates.*dial.rate = dial.usual * 2;
        break;
    }
  }
  return rates;
}

}  // namespace reeve::sim
