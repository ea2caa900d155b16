#pragma once
#include "pch_engine.h"

#include <filesystem>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/print.h"
