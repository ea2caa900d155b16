#pragma once
#include "pch_server.h"

#include "api/call.h"
#include "api/services.h"
