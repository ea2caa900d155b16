#pragma once

#include <string_view>

namespace reeve::platform {

/// Whether an address (numeric, IPv4 or IPv6) belongs to the public Internet: neither to this
/// machine, nor to a private network, nor to a link, nor to what clouds tell their machines. What
/// is no address does not. Any thread.
bool is_public_address(std::string_view address);

}  // namespace reeve::platform
