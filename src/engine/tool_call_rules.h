#pragma once

#include <string>

#include "base/result.h"
#include "engine/book.h"
#include "model/mission.h"

/// What tool calls ask of their missions.
namespace reeve::engine {

/// A mission for whose runs something can be done. IllegalTransition: it has ended, or was never
/// there.
Result<const model::Mission*> live_mission(
    const Namespace& ns, const std::string& name, BookTurn& turn
);

/// Whether its runs may call tools; without a name nothing stands in the way. IllegalTransition: it
/// has ended, or is held for something that its runs stand still for.
Result<void> check_mission(const Namespace& ns, const std::string& name, BookTurn& turn);

}  // namespace reeve::engine
