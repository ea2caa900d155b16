#pragma once
#include "api/call.h"
#include "api/services.h"
#include "pch_server.h"
