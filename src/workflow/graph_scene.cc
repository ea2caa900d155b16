#include "workflow/graph_scene.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

constexpr std::int64_t kCharWidth = 8;
constexpr std::int64_t kSmallCharWidth = 7;
constexpr std::int64_t kBoxPadding = 16;
constexpr std::int64_t kLineHeight = 18;
constexpr std::int64_t kGapX = 40;
constexpr std::int64_t kGapY = 76;
constexpr std::int64_t kMargin = 24;
constexpr std::int64_t kLaneWidth = 22;
constexpr std::int64_t kBendWidth = 14;
constexpr std::int64_t kStartSize = 14;
/// How far a back edge keeps from the boxes it leaves and reaches.
constexpr std::int64_t kElbow = 16;
/// Distance between back edges at the same box, and how many keep it.
constexpr std::int64_t kApart = 10;
constexpr std::int64_t kApartMax = 3;
constexpr std::int64_t kCornerRoom = 18;
/// Beyond this many bends, long arrows are drawn straight.
constexpr std::size_t kBendsMax = 4000;
constexpr int kSweeps = 6;
/// Beyond this many labels they are not kept apart.
constexpr std::size_t kLabelsMax = 600;

/// A node of the scene, or a bend of an arrow that crosses a layer.
struct Place {
  /// Index in Scene::nodes.
  std::optional<std::size_t> node;
  std::size_t layer = 0;
  std::int64_t width = kBendWidth;
  std::int64_t height = 0;
  std::int64_t x = 0;  ///< centre
  std::int64_t y = 0;  ///< top
};

struct Link {
  std::size_t from = 0;
  std::size_t to = 0;
  EdgeKind kind = EdgeKind::Need;
  std::string label;

  bool back() const { return kind == EdgeKind::Back || kind == EdgeKind::Revise; }
};

struct Box {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t right = 0;
  std::int64_t bottom = 0;

  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

std::int64_t columns(std::string_view text) {
  return static_cast<std::int64_t>(display_width(text));
}

class SceneMaker {
 public:
  SceneMaker(const Workflow& workflow, const TaskStates& states)
      : workflow_(workflow), states_(states), layout_(make_layout(workflow)) {}

  Scene run() {
    scene_.name = workflow_.name;
    scene_.description = workflow_.description;
    // Triggers and the point where they meet take two layers above the entries.
    shift_ = workflow_.triggers.empty() ? 0 : 2;
    layers_.resize(layout_.layers.size() + shift_);
    add_triggers();
    add_tasks();
    add_links();
    make_paths();
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      untangle(sweep % 2 == 0);
    }
    stack_layers();
    align();
    finish_nodes();
    finish_edges();
    return std::move(scene_);
  }

 private:
  std::size_t add_node(SceneNode node, std::int64_t width, std::int64_t height) {
    Place place;
    place.node = scene_.nodes.size();
    place.layer = node.layer;
    place.width = width;
    place.height = height;
    layers_[node.layer].push_back(places_.size());
    places_.push_back(place);
    scene_.nodes.push_back(std::move(node));
    return places_.size() - 1;
  }

  void add_triggers() {
    const std::vector<std::string> texts = trigger_texts(workflow_);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      SceneNode node;
      node.id = concat("g", i);
      node.kind = NodeKind::Trigger;
      node.title = texts[i];
      add_node(std::move(node), columns(texts[i]) * kCharWidth + 2 * kBoxPadding, kLineHeight + 12);
    }
    if (!texts.empty()) {
      SceneNode start;
      start.id = "start";
      start.kind = NodeKind::Start;
      start.layer = 1;
      add_node(std::move(start), kStartSize, kStartSize);
    }
    first_task_ = places_.size();
  }

  void add_tasks() {
    std::vector<bool> entry(workflow_.tasks.size());
    for (const TaskIndex index : workflow_.entries) {
      entry[index] = true;
    }
    for (std::size_t i = 0; i < workflow_.tasks.size(); ++i) {
      const Task& task = workflow_.tasks[i];
      SceneNode node;
      node.id = concat("t", i);
      node.kind = node_kind(task.method);
      node.task = static_cast<TaskIndex>(i);
      node.title = caption(workflow_, *node.task);
      node.lines = detail_lines(workflow_, *node.task);
      node.description = task.description;
      node.entry = entry[i];
      node.always_run = task.always_run;
      node.allow_failure = task.allow_failure;
      node.compensated = task.compensate.has_value();
      node.sensor = task.sensor;
      node.fan_out = task.fan_out.has_value();
      node.layer = layout_.layer_of[i] + shift_;
      if (const auto state = states_.find(task.name.view()); state != states_.end()) {
        node.state = state->second;
        node.title = concat(state_symbol(node.state), " ", node.title);
      }
      for (const Route& route : task.routes) {
        const std::string action = target_text(route.target);
        if (!action.empty()) {
          node.lines.push_back(concat(route.on, " → ", action));
        }
      }
      add_task(std::move(node));
    }
  }

  void add_task(SceneNode node) {
    std::int64_t width = columns(node.title) * kCharWidth;
    for (const std::string& line : node.lines) {
      width = std::max(width, columns(line) * kSmallCharWidth);
    }
    // The sloping sides of a gate and the double ones of a mission take room.
    const bool wide = node.kind == NodeKind::Gate || node.kind == NodeKind::Mission;
    width += 2 * kBoxPadding + (wide ? 16 : 0);
    const auto lines = static_cast<std::int64_t>(node.lines.size());
    add_node(std::move(node), width, (lines + 1) * kLineHeight + kBoxPadding);
  }

  void add_links() {
    if (shift_ > 0) {
      const std::size_t start = first_task_ - 1;
      for (std::size_t i = 0; i < start; ++i) {
        links_.push_back({.from = i, .to = start, .kind = EdgeKind::Trigger, .label = {}});
      }
      for (const TaskIndex entry : workflow_.entries) {
        links_.push_back(
            {.from = start, .to = first_task_ + entry, .kind = EdgeKind::Trigger, .label = {}}
        );
      }
    }
    for (const Arrow& arrow : layout_.arrows) {
      Link link{
          .from = first_task_ + arrow.from,
          .to = first_task_ + arrow.to,
          .kind = arrow.need ? EdgeKind::Need : EdgeKind::Route,
          .label = arrow.label};
      if (arrow.revise) {
        link.kind = EdgeKind::Revise;
      } else if (arrow.back) {
        link.kind = EdgeKind::Back;
      }
      if (arrow.revise && !arrow.back) {
        link.kind = EdgeKind::Route;
      }
      links_.push_back(std::move(link));
    }
  }

  /// The places that each arrow passes through.
  void make_paths() {
    const std::size_t nodes = places_.size();
    for (const Link& link : links_) {
      std::vector<std::size_t> path = {link.from};
      if (!link.back()) {
        const std::size_t last = places_[link.to].layer;
        for (std::size_t layer = places_[link.from].layer + 1; layer < last; ++layer) {
          if (places_.size() < nodes + kBendsMax) {
            Place bend;
            bend.layer = layer;
            layers_[layer].push_back(places_.size());
            path.push_back(places_.size());
            places_.push_back(bend);
          }
        }
      }
      path.push_back(link.to);
      paths_.push_back(std::move(path));
    }
    above_.resize(places_.size());
    below_.resize(places_.size());
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      for (std::size_t j = 1; j < paths_[i].size() && !links_[i].back(); ++j) {
        above_[paths_[i][j]].push_back(paths_[i][j - 1]);
        below_[paths_[i][j - 1]].push_back(paths_[i][j]);
      }
    }
  }

  /// Orders each layer by the mean place of its neighbours in the layer before (or after).
  void untangle(bool downwards) {
    const auto& neighbours = downwards ? above_ : below_;
    std::vector<std::size_t> place_of(places_.size());
    const auto note_places = [&](const std::vector<std::size_t>& layer) {
      for (std::size_t i = 0; i < layer.size(); ++i) {
        place_of[layer[i]] = i;
      }
    };
    for (const auto& layer : layers_) {
      note_places(layer);
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      auto& layer = layers_[downwards ? i : layers_.size() - 1 - i];
      // Mean place, present place (so that ties keep their order), node.
      std::vector<std::array<std::size_t, 3>> keys;
      for (const std::size_t place : layer) {
        std::size_t sum = 0;
        for (const std::size_t neighbour : neighbours[place]) {
          sum += place_of[neighbour] * 1024;
        }
        const std::size_t count = neighbours[place].size();
        const std::size_t present = place_of[place];
        keys.push_back({count == 0 ? present * 1024 : sum / count, present, place});
      }
      std::sort(keys.begin(), keys.end());
      for (std::size_t j = 0; j < layer.size(); ++j) {
        layer[j] = keys[j][2];
      }
      note_places(layer);
    }
  }

  /// Rows from the top; within each, side by side.
  void stack_layers() {
    std::int64_t y = kMargin;
    for (const auto& layer : layers_) {
      std::int64_t x = 0;
      std::int64_t height = 0;
      for (const std::size_t index : layer) {
        Place& place = places_[index];
        place.x = x + place.width / 2;
        place.y = y;
        x += place.width + kGapX;
        height = std::max(height, place.height);
      }
      for (const std::size_t index : layer) {
        Place& place = places_[index];
        place.height = place.node ? place.height : height;
      }
      layer_bottom_.push_back(y + height);
      y += height + kGapY;
    }
    height_ = layers_.empty() ? 2 * kMargin : y - kGapY + kMargin;
  }

  /// Moves everything below and above its neighbours as far as the order leaves room.
  void align() {
    for (int sweep = 0; sweep < 2 * kSweeps; ++sweep) {
      const bool downwards = sweep % 2 == 0;
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        align_layer(layers_[downwards ? i : layers_.size() - 1 - i], downwards ? above_ : below_);
      }
    }
    center_lonely();
    std::int64_t left = std::numeric_limits<std::int64_t>::max();
    for (const Place& place : places_) {
      left = std::min(left, place.x - place.width / 2);
    }
    for (Place& place : places_) {
      place.x += kMargin - left;
      width_ = std::max(width_, place.x + place.width / 2);
    }
  }

  /// Layers that nothing leads to or from (tasks that always run) go below the middle.
  void center_lonely() {
    std::int64_t left = 0;
    std::int64_t right = 0;
    std::vector<bool> lonely(layers_.size(), true);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const Place& place = places_[i];
      if (!above_[i].empty() || !below_[i].empty()) {
        const bool first = left == 0 && right == 0;
        left = first ? place.x - place.width / 2 : std::min(left, place.x - place.width / 2);
        right = first ? place.x + place.width / 2 : std::max(right, place.x + place.width / 2);
        lonely[place.layer] = false;
      }
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (!lonely[i] || layers_[i].empty()) {
        continue;
      }
      const Place& first = places_[layers_[i].front()];
      const Place& last = places_[layers_[i].back()];
      const std::int64_t middle = (first.x - first.width / 2 + last.x + last.width / 2) / 2;
      for (const std::size_t index : layers_[i]) {
        places_[index].x += (left + right) / 2 - middle;
      }
    }
  }

  void align_layer(
      const std::vector<std::size_t>& layer, const std::vector<std::vector<std::size_t>>& neighbours
  ) {
    std::vector<std::int64_t> wanted;
    for (const std::size_t index : layer) {
      std::int64_t sum = 0;
      for (const std::size_t neighbour : neighbours[index]) {
        sum += places_[neighbour].x;
      }
      const auto count = static_cast<std::int64_t>(neighbours[index].size());
      wanted.push_back(count == 0 ? places_[index].x : sum / count);
    }
    const auto room = [&](std::size_t i) {
      return (places_[layer[i - 1]].width + places_[layer[i]].width) / 2 + kGapX;
    };
    std::vector<std::int64_t> left = wanted;
    std::vector<std::int64_t> right = wanted;
    for (std::size_t i = 1; i < layer.size(); ++i) {
      left[i] = std::max(wanted[i], left[i - 1] + room(i));
    }
    for (std::size_t i = layer.size(); i-- > 1;) {
      right[i - 1] = std::min(wanted[i - 1], right[i] - room(i));
    }
    // Both keep the distances, and so does their mean.
    for (std::size_t i = 0; i < layer.size(); ++i) {
      places_[layer[i]].x = (left[i] + right[i]) / 2;
    }
  }

  void finish_nodes() {
    for (const Place& place : places_) {
      if (place.node) {
        SceneNode& node = scene_.nodes[*place.node];
        node.at = {place.x - place.width / 2, place.y};
        node.width = place.width;
        node.height = place.height;
      }
    }
  }

  void finish_edges() {
    std::int64_t lane = width_;
    leaving_.resize(places_.size());
    arriving_.resize(places_.size());
    below_layer_.resize(layers_.size());
    above_layer_.resize(layers_.size());
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const Link& link = links_[i];
      SceneEdge edge;
      edge.from = scene_.nodes[*places_[link.from].node].id;
      edge.to = scene_.nodes[*places_[link.to].node].id;
      edge.kind = link.kind;
      edge.label = link.label;
      if (link.back() && link.from == link.to) {
        lead_back(link, places_[link.from].x + places_[link.from].width / 2 + kElbow, edge);
      } else if (link.back()) {
        lead_back(link, lane + kLaneWidth, edge);
        // The label stands to the right of its lane.
        lane += kLaneWidth + label_width(edge);
      } else {
        lead_down(paths_[i], edge);
      }
      scene_.edges.push_back(std::move(edge));
    }
    place_labels();
    scene_.width = std::max(width_, lane) + kMargin;
    for (const SceneEdge& edge : scene_.edges) {
      const std::int64_t end = edge.label_at.x + label_width(edge) / 2;
      scene_.width = std::max(scene_.width, end + kMargin / 2);
    }
    scene_.height = height_;
  }

  void lead_down(const std::vector<std::size_t>& path, SceneEdge& edge) const {
    const Place& from = places_[path.front()];
    edge.points.push_back({from.x, from.y + from.height});
    if (const std::int64_t bottom = layer_bottom_[from.layer]; bottom > from.y + from.height) {
      // Past its neighbours before it turns.
      edge.points.push_back({from.x, bottom});
    }
    for (std::size_t i = 1; i < path.size(); ++i) {
      const Place& to = places_[path[i]];
      edge.points.push_back({to.x, to.y});
      if (!to.node) {
        edge.points.push_back({to.x, to.y + to.height});
      }
    }
  }

  /// With the sign that marks what leads back.
  static std::int64_t label_width(const SceneEdge& edge) {
    const bool back = edge.kind == EdgeKind::Back || edge.kind == EdgeKind::Revise;
    return (columns(edge.label) + (back ? 2 : 0)) * kSmallCharWidth + 6;
  }

  /// Down, to the right into a lane at `x`, up, and back above its target. Several that leave or
  /// reach the same box keep apart.
  void lead_back(const Link& link, std::int64_t x, SceneEdge& edge) {
    const Place& from = places_[link.from];
    const Place& to = places_[link.to];
    const std::int64_t nth_out = std::min<std::int64_t>(leaving_[link.from]++, kApartMax);
    const std::int64_t nth_in = std::min<std::int64_t>(arriving_[link.to]++, kApartMax);
    const auto corner = [](const Place& place, std::int64_t nth) {
      return std::max(place.x + 8, place.x + place.width / 2 - kCornerRoom - nth * kApart);
    };
    const std::int64_t out = corner(from, nth_out);
    const std::int64_t in = corner(to, nth_in);
    const bool own = link.from == link.to;
    const std::int64_t bottom = own ? from.y + from.height : layer_bottom_[from.layer];
    std::int64_t& below = own ? unused_row_ : below_layer_[from.layer];
    std::int64_t& above = own ? unused_row_ : above_layer_[to.layer];
    const std::int64_t low = bottom + kElbow + std::min(below++, kApartMax) * kApart / 2;
    const std::int64_t high = to.y - kElbow - std::min(above++, kApartMax) * kApart / 2;
    unused_row_ = 0;
    edge.points = {
        {out, from.y + from.height}, {out, low}, {x, low}, {x, high}, {in, high}, {in, to.y}};
  }

  static ScenePoint on_curve(ScenePoint from, ScenePoint to, int percent) {
    // A cubic curve that leaves and arrives vertically: x eases, y goes on nearly evenly.
    const std::int64_t t = percent;
    const std::int64_t u = 100 - t;
    const std::int64_t ease = (3 * u * t * t + t * t * t) / 10'000;
    const std::int64_t middle = (from.y + to.y) / 2;
    const std::int64_t y =
        (u * u * u * from.y + 3 * u * u * t * middle + 3 * u * t * t * middle + t * t * t * to.y) /
        1'000'000;
    return {from.x + (to.x - from.x) * ease / 100, y};
  }

  Box label_box(const SceneEdge& edge, ScenePoint at) const {
    const std::int64_t half = label_width(edge) / 2;
    return {at.x - half, at.y - 11, at.x + half, at.y + 4};
  }

  /// Candidates for the place of a label, best first.
  static std::vector<ScenePoint> label_places(const SceneEdge& edge) {
    std::vector<ScenePoint> candidates;
    const auto& points = edge.points;
    if (edge.kind == EdgeKind::Back || edge.kind == EdgeKind::Revise) {
      const ScenePoint low = points[2];
      const ScenePoint high = points[3];
      const std::int64_t x = low.x + label_width(edge) / 2 + 2;
      for (const std::int64_t share : {50, 40, 60, 30, 70, 20, 80}) {
        candidates.push_back({x, low.y + (high.y - low.y) * share / 100 + 4});
      }
      return candidates;
    }
    const std::size_t first = points.size() > 2 && points[0].x == points[1].x ? 1 : 0;
    const bool rightwards = points[first + 1].x >= points[first].x;
    const std::int64_t aside = (rightwards ? 1 : -1) * (label_width(edge) / 2 + 2);
    for (const int percent : {50, 62, 38, 72, 28}) {
      ScenePoint at = on_curve(points[first], points[first + 1], percent);
      at.y += 4;
      candidates.push_back(at);
      // Beside its curve, away from the others that leave the same box.
      candidates.push_back({at.x + aside, at.y});
    }
    return candidates;
  }

  /// Labels keep away from boxes and from each other where there is a place that allows it.
  void place_labels() {
    std::vector<Box> taken;
    std::size_t labels = 0;
    for (SceneEdge& edge : scene_.edges) {
      if (edge.label.empty()) {
        continue;
      }
      const std::vector<ScenePoint> candidates = label_places(edge);
      edge.label_at = candidates.front();
      if (++labels > kLabelsMax) {
        continue;
      }
      for (const ScenePoint& candidate : candidates) {
        const Box box = label_box(edge, candidate);
        const auto meets = [&box](const Box& other) {
          return box.meets(other);
        };
        if (std::none_of(taken.begin(), taken.end(), meets) && !meets_node(box)) {
          edge.label_at = candidate;
          break;
        }
      }
      taken.push_back(label_box(edge, edge.label_at));
    }
  }

  bool meets_node(const Box& box) const {
    if (scene_.nodes.size() > kLabelsMax) {
      return false;
    }
    return std::any_of(scene_.nodes.begin(), scene_.nodes.end(), [&](const SceneNode& node) {
      return box.meets({node.at.x, node.at.y, node.at.x + node.width, node.at.y + node.height});
    });
  }

  const Workflow& workflow_;
  const TaskStates& states_;
  Layout layout_;
  Scene scene_;
  std::vector<Place> places_;
  std::vector<Link> links_;
  std::vector<std::vector<std::size_t>> layers_;
  std::vector<std::vector<std::size_t>> paths_;
  /// Neighbours of each place in the layers before and after.
  std::vector<std::vector<std::size_t>> above_;
  std::vector<std::vector<std::size_t>> below_;
  std::vector<std::int64_t> layer_bottom_;
  /// Back edges so far, by place.
  std::vector<std::int64_t> leaving_;
  std::vector<std::int64_t> arriving_;
  /// The same by layer: rows that run below it and above it.
  std::vector<std::int64_t> below_layer_;
  std::vector<std::int64_t> above_layer_;
  std::int64_t unused_row_ = 0;
  std::size_t shift_ = 0;
  std::size_t first_task_ = 0;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
};

}  // namespace

std::string_view to_string(NodeKind kind) {
  switch (kind) {
    case NodeKind::Trigger:
      return "trigger";
    case NodeKind::Start:
      return "start";
    case NodeKind::Task:
      return "task";
    case NodeKind::Noop:
      return "noop";
    case NodeKind::Container:
      return "container";
    case NodeKind::Request:
      return "request";
    case NodeKind::Gate:
      return "gate";
    case NodeKind::Mission:
      return "mission";
    case NodeKind::Await:
      return "await";
    case NodeKind::Message:
      return "message";
    case NodeKind::Upkeep:
      return "upkeep";
  }
  return "task";
}

std::string_view to_string(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::Trigger:
      return "trigger";
    case EdgeKind::Need:
      return "need";
    case EdgeKind::Route:
      return "route";
    case EdgeKind::Back:
      return "back";
    case EdgeKind::Revise:
      return "revise";
  }
  return "need";
}

Scene make_scene(const Workflow& workflow, const TaskStates& states) {
  return SceneMaker(workflow, states).run();
}

}  // namespace reeve::workflow
