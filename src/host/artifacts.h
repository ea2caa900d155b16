#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "blob/blob_store.h"
#include "blob/uploads.h"
#include "model/run.h"
#include "platform/posix/inner_files.h"

/// Files that go into and come out of a run's working directory.
namespace reeve::host {

/// Longest file kept as an artifact.
inline constexpr std::uint64_t kArtifactBytesMax = std::uint64_t{4} << 30U;
/// Directory entries looked at for one run's artifacts.
inline constexpr std::size_t kArtifactEntriesMax = 1'000'000;

/// Longest artifact that is searched for values of credentials.
inline constexpr std::uint64_t kScannedArtifactBytesMax = std::uint64_t{1} << 20U;

/// The files that `collect_artifacts` would keep, and why others are not. Any thread.
platform::FoundFiles find_artifacts(
    const std::filesystem::path& base, const model::RunSpec& spec, bool succeeded
);

/// Keeps the files below `base` that match `spec.artifact_paths` (globs; a directory stands for
/// everything below it) in `blobs` and lists them in `result`, sorted by path. Symbolic links are
/// followed only to regular files below `base`. A path that matches nothing, leaves `base` or
/// cannot be kept is a warning. Does nothing if `spec.artifact_when` says so. Any thread.
void collect_artifacts(
    blob::BlobStore& blobs,
    const std::filesystem::path& base,
    const model::RunSpec& spec,
    model::RunResult& result
);

/// Writes `inputs` below `base`, making directories as needed and passing through no symbolic link.
/// The error names the first input that could not be placed; one that expired before `now` is not
/// there any more. Any thread.
Result<void> place_inputs(
    blob::BlobStore& blobs,
    const std::filesystem::path& base,
    const std::vector<model::ArtifactRef>& inputs,
    Timestamp now
);

/// Where a run finds what was uploaded; what was sent to its namespace comes first.
struct UploadPlaces {
  blob::Uploads of_namespace;
  blob::Uploads of_machine;
};

/// Writes uploaded files into `base` under their names. The error names the first that is missing.
/// Any thread.
Result<void> place_uploads(
    const UploadPlaces& uploads,
    blob::BlobStore& blobs,
    const std::filesystem::path& base,
    const std::vector<std::string>& digests,
    Timestamp now
);

}  // namespace reeve::host
