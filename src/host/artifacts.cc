#include "host/artifacts.h"

#include <string>

#include "base/strings.h"
#include "host/run_dir.h"
#include "platform/posix/inner_files.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kPermissionBits = 0777;

bool wanted(model::ArtifactWhen when, bool succeeded) {
  switch (when) {
    case model::ArtifactWhen::Always:
      return true;
    case model::ArtifactWhen::OnSuccess:
      return succeeded;
    case model::ArtifactWhen::OnFailure:
      return !succeeded;
  }
  return true;
}

void store(
    blob::BlobStore& blobs,
    const platform::FoundFile& file,
    const model::RunSpec& spec,
    model::RunResult& result
) {
  const auto stored = blobs.put_file(file.source, kArtifactBytesMax);
  if (!stored.ok()) {
    add_warning(
        result, concat("artifact ", file.path, " could not be kept: ", stored.error().describe())
    );
    return;
  }
  model::ArtifactRef artifact{
      .path = file.path,
      .digest = stored->digest,
      .size_bytes = stored->size_bytes,
      .mode = file.mode,
      .expires_at = std::nullopt,
      .path_number = static_cast<std::uint32_t>(file.pattern)};
  if (spec.artifact_expiry) {
    artifact.expires_at = result.ended_at + *spec.artifact_expiry;
  }
  result.artifacts.push_back(std::move(artifact));
}

Result<void> place_input(
    blob::BlobStore& blobs, const fs::path& base, const model::ArtifactRef& input, Timestamp now
) {
  if (input.expires_at && *input.expires_at <= now) {
    return make_error(
        ErrorCode::NotFound, concat("expired at ", format_timestamp(*input.expires_at))
    );
  }
  REEVE_CHECK(platform::make_inner_parents(base, input.path));
  return blobs.fetch(input.digest, base / input.path, input.mode & kPermissionBits);
}

}  // namespace

platform::FoundFiles find_artifacts(
    const fs::path& base, const model::RunSpec& spec, bool succeeded
) {
  if (!wanted(spec.artifact_when, succeeded)) {
    return {};
  }
  platform::FindOptions options;
  options.noun = "artifact";
  options.files_max = model::kArtifactsMax;
  options.path_bytes_max = model::kArtifactPathBytesMax;
  options.entries_max = kArtifactEntriesMax;
  return platform::find_inner_files(base, spec.artifact_paths, options);
}

void collect_artifacts(
    blob::BlobStore& blobs,
    const fs::path& base,
    const model::RunSpec& spec,
    model::RunResult& result
) {
  const platform::FoundFiles found = find_artifacts(base, spec, result.succeeded());
  for (const std::string& warning : found.warnings) {
    add_warning(result, warning);
  }
  for (const platform::FoundFile& file : found.files) {
    store(blobs, file, spec, result);
  }
}

Result<void> place_inputs(
    blob::BlobStore& blobs,
    const fs::path& base,
    const std::vector<model::ArtifactRef>& inputs,
    Timestamp now
) {
  for (const model::ArtifactRef& input : inputs) {
    auto placed = place_input(blobs, base, input, now);
    if (!placed.ok()) {
      Error error = std::move(placed).error();
      error.message = concat("input ", input.path, ": ", error.message);
      return error;
    }
  }
  return {};
}

Result<void> place_uploads(
    const UploadPlaces& uploads,
    blob::BlobStore& blobs,
    const fs::path& base,
    const std::vector<std::string>& digests,
    Timestamp now
) {
  for (const std::string& digest : digests) {
    Result<blob::Upload> sent = uploads.of_namespace.find(Digest(digest), now);
    if (!sent.ok() && sent.error().code == ErrorCode::NotFound) {
      sent = uploads.of_machine.find(Digest(digest), now);
    }
    REEVE_TRY(const blob::Upload upload, std::move(sent));
    REEVE_CHECK(platform::make_inner_parents(base, upload.name));
    REEVE_CHECK(blobs.fetch(upload.digest, base / upload.name, upload.mode));
  }
  return {};
}

}  // namespace reeve::host
