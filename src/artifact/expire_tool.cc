#include "artifact/expire_tool.h"

#include "artifact/retention.h"
#include "base/strings.h"
#include "executor/input_reader.h"

namespace reeve::artifact {

Result<executor::ToolEnd> ExpireTool::run(
    const executor::ToolRequest& request, executor::ToolOutput& output
) {
  executor::InputReader reader(request.input);
  REEVE_CHECK(reader.finish());
  if (request.data_dir.empty()) {
    return make_error(ErrorCode::Invalid, "the run lies in no data directory");
  }
  REEVE_TRY(const std::unique_ptr<store::Store> store, open_(request.data_dir));
  const RetentionOptions options{.data_dir = request.data_dir, .now = clock_.now()};
  REEVE_TRY(const Expired expired, expire(*store, options));
  output.write(concat(
      expired.blobs.blobs,
      " files with ",
      expired.blobs.bytes,
      " bytes were removed; ",
      expired.uploads,
      " uploads and ",
      expired.caches,
      " caches had expired\n"
  ));
  REEVE_CHECK(output.publish("ExpiredFiles", std::to_string(expired.blobs.blobs)));
  REEVE_CHECK(output.publish("ExpiredBytes", std::to_string(expired.blobs.bytes)));
  return executor::ToolEnd{};
}

}  // namespace reeve::artifact
