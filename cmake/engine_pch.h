#pragma once
#include "pch.h"

// Half of the time of a source on top of the engine went into reading these.
#include "engine/engine.h"
#include "kernel/loop.h"
#include "store/ports.h"
