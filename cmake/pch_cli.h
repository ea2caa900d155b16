#pragma once
#include <filesystem>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "pch_engine.h"
