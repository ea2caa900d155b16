#pragma once
#include <gtest/gtest.h>

#include "engine_pch.h"
