#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/graph_layout.h"

namespace reeve::workflow {

namespace {

constexpr std::int64_t kCharWidth = 8;
constexpr std::int64_t kBoxPadding = 14;
constexpr std::int64_t kLineHeight = 18;
constexpr std::int64_t kGapX = 36;
constexpr std::int64_t kGapY = 72;
constexpr std::int64_t kMargin = 24;
constexpr std::int64_t kLoopWidth = 28;
constexpr std::int64_t kBendWidth = 12;
/// Beyond this many bends, long arrows are drawn straight.
constexpr std::size_t kBendsMax = 4000;
constexpr int kSweeps = 4;

/// No colour is fixed: the reader's theme decides.
constexpr std::string_view kStyle =
    "<style>"
    "svg{--paper:#ffffff;--box:#f4f6f8;--ink:#1c2733;--line:#5b6b7b;--loop:#a15c00;"
    "font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}"
    "@media(prefers-color-scheme:dark){svg{--paper:#10161c;--box:#1d2731;--ink:#e6edf3;"
    "--line:#8fa1b3;--loop:#e0a458}}"
    ".p{fill:var(--paper)}.b{fill:var(--box);stroke:var(--line);stroke-width:1.2}"
    ".e{stroke-width:2.4}.n{fill:var(--ink);text-anchor:middle}"
    ".a{fill:var(--line);text-anchor:middle;font-size:11px}"
    ".l{fill:none;stroke:var(--line);stroke-width:1.4}"
    ".k{fill:none;stroke:var(--loop);stroke-width:1.4;stroke-dasharray:5 3}"
    ".t{fill:var(--ink);font-size:11px;stroke:var(--paper);stroke-width:4;paint-order:stroke}"
    ".h{fill:var(--line)}.g{fill:var(--loop)}"
    "</style>\n";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // XML has no way to write control characters.
        if (static_cast<unsigned char>(c) >= 0x20U) {
          out.push_back(c);
        }
    }
  }
  return out;
}

/// A task, or a bend of an arrow that crosses a layer.
struct Node {
  std::optional<TaskIndex> task;
  std::size_t layer = 0;
  std::int64_t width = kBendWidth;
  std::int64_t height = 0;
  std::int64_t x = 0;  ///< centre
  std::int64_t y = 0;  ///< top
  std::vector<std::string> actions;
};

class Drawing {
 public:
  explicit Drawing(const Workflow& workflow)
      : workflow_(workflow), layout_(make_layout(workflow)), layers_(layout_.layers.size()) {
    make_nodes();
    make_paths();
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      untangle(sweep % 2 == 0);
    }
    place();
  }

  std::string draw() const {
    const std::string size = concat("width=\"", width_, "\" height=\"", height_, "\"");
    std::string out = concat(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" ",
        size,
        " viewBox=\"0 0 ",
        width_,
        " ",
        height_,
        "\" role=\"img\">\n<title>",
        escaped(workflow_.name),
        "</title>\n",
        kStyle
    );
    out += concat("<defs>", marker("h"), marker("g"), "</defs>\n<rect class=\"p\" ", size, "/>\n");
    draw_arrows(out);
    for (const Node& node : nodes_) {
      if (node.task) {
        draw_box(out, node);
      }
    }
    return out + "</svg>\n";
  }

 private:
  static std::string marker(std::string_view name) {
    return concat(
        "<marker id=\"",
        name,
        "\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
        "orient=\"auto\"><path class=\"",
        name,
        "\" d=\"M0 0L8 4L0 8z\"/></marker>"
    );
  }

  void make_nodes() {
    for (std::size_t i = 0; i < workflow_.tasks.size(); ++i) {
      Node node;
      node.task = static_cast<TaskIndex>(i);
      node.layer = layout_.layer_of[i];
      std::size_t columns = display_width(caption(workflow_, *node.task));
      for (const Route& route : workflow_.tasks[i].routes) {
        const std::string action = target_text(route.target);
        if (!action.empty()) {
          node.actions.push_back(concat(route.on, " → ", action));
          columns = std::max(columns, display_width(node.actions.back()));
        }
      }
      node.width = static_cast<std::int64_t>(columns) * kCharWidth + 2 * kBoxPadding;
      node.height = static_cast<std::int64_t>(node.actions.size() + 1) * kLineHeight + kBoxPadding;
      nodes_.push_back(std::move(node));
    }
    for (std::size_t layer = 0; layer < layout_.layers.size(); ++layer) {
      for (const TaskIndex task : layout_.layers[layer]) {
        layers_[layer].push_back(task);
      }
    }
  }

  /// The nodes that each arrow passes through.
  void make_paths() {
    for (const Arrow& arrow : layout_.arrows) {
      std::vector<std::size_t> path = {arrow.from};
      if (!arrow.back) {
        const std::size_t last = nodes_[arrow.to].layer;
        for (std::size_t layer = nodes_[arrow.from].layer + 1; layer < last; ++layer) {
          if (nodes_.size() < workflow_.tasks.size() + kBendsMax) {
            Node bend;
            bend.layer = layer;
            layers_[layer].push_back(nodes_.size());
            path.push_back(nodes_.size());
            nodes_.push_back(std::move(bend));
          }
        }
      }
      path.push_back(arrow.to);
      paths_.push_back(std::move(path));
    }
  }

  /// Orders each layer by the mean place of its neighbours in the layer before (or after).
  void untangle(bool downwards) {
    std::vector<std::vector<std::size_t>> neighbours(nodes_.size());
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      for (std::size_t j = 1; j < paths_[i].size() && !layout_.arrows[i].back; ++j) {
        const std::size_t upper = paths_[i][j - 1];
        const std::size_t lower = paths_[i][j];
        neighbours[downwards ? lower : upper].push_back(downwards ? upper : lower);
      }
    }
    std::vector<std::size_t> place_of(nodes_.size());
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
      for (const std::size_t node : layer) {
        std::size_t sum = 0;
        for (const std::size_t neighbour : neighbours[node]) {
          sum += place_of[neighbour] * 1024;
        }
        const std::size_t count = neighbours[node].size();
        const std::size_t place = place_of[node];
        keys.push_back({count == 0 ? place * 1024 : sum / count, place, node});
      }
      std::sort(keys.begin(), keys.end());
      for (std::size_t j = 0; j < layer.size(); ++j) {
        layer[j] = keys[j][2];
      }
      note_places(layer);
    }
  }

  void place() {
    std::vector<std::int64_t> widths;
    for (const auto& layer : layers_) {
      std::int64_t width = layer.empty() ? 0 : -kGapX;
      for (const std::size_t node : layer) {
        width += nodes_[node].width + kGapX;
      }
      widths.push_back(width);
      width_ = std::max(width_, width);
    }
    std::int64_t y = kMargin;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      std::int64_t x = kMargin + (width_ - widths[i]) / 2;
      std::int64_t height = 0;
      for (const std::size_t index : layers_[i]) {
        Node& node = nodes_[index];
        node.x = x + node.width / 2;
        node.y = y;
        x += node.width + kGapX;
        height = std::max(height, node.height);
      }
      for (const std::size_t index : layers_[i]) {
        Node& node = nodes_[index];
        node.height = node.task ? node.height : height;
      }
      y += height + kGapY;
    }
    std::int64_t loops = 0;
    for (const Arrow& arrow : layout_.arrows) {
      loops += arrow.back ? 1 : 0;
    }
    loops_x_ = kMargin + width_;
    std::size_t label = 0;
    for (const Arrow& arrow : layout_.arrows) {
      label = std::max(label, arrow.back ? display_width(arrow.label) + 2 : 0);
    }
    width_ += 2 * kMargin + loops * kLoopWidth + static_cast<std::int64_t>(label) * kCharWidth;
    height_ = std::max(y - kGapY + kMargin, 2 * kMargin);
  }

  void draw_arrows(std::string& out) const {
    std::int64_t loop = 0;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      const Arrow& arrow = layout_.arrows[i];
      if (arrow.back) {
        draw_loop(out, arrow, ++loop);
      } else {
        draw_forward(out, arrow, paths_[i]);
      }
    }
  }

  void draw_forward(std::string& out, const Arrow& arrow, const std::vector<std::size_t>& path)
      const {
    const Node& from = nodes_[path.front()];
    std::int64_t x = from.x;
    std::int64_t y = from.y + from.height;
    std::string line = concat("M", x, " ", y);
    for (std::size_t i = 1; i < path.size(); ++i) {
      const Node& to = nodes_[path[i]];
      const std::int64_t middle = (y + to.y) / 2;
      line += concat("C", x, " ", middle, " ", to.x, " ", middle, " ", to.x, " ", to.y);
      if (!to.task) {
        line += concat("L", to.x, " ", to.y + to.height);
      }
      x = to.x;
      y = to.y + to.height;
    }
    out += concat("<path class=\"l\" marker-end=\"url(#h)\" d=\"", line, "\"/>\n");
    if (!arrow.label.empty()) {
      const Node& next = nodes_[path[1]];
      const std::int64_t label_x = (from.x + next.x) / 2 + 4;
      const std::int64_t label_y = (from.y + from.height + next.y) / 2;
      out += concat("<text class=\"t\" x=\"", label_x, "\" y=\"", label_y, "\">");
      out += concat(escaped(arrow.label), "</text>\n");
    }
  }

  /// Along a lane of its own at the right side.
  void draw_loop(std::string& out, const Arrow& arrow, std::int64_t lane) const {
    const Node& from = nodes_[arrow.from];
    const Node& to = nodes_[arrow.to];
    const std::int64_t x = loops_x_ + lane * kLoopWidth;
    const std::int64_t y = from.y + from.height - kBoxPadding / 2;
    const std::int64_t end = to.y + kBoxPadding / 2;
    const std::int64_t start_x = from.x + from.width / 2;
    const std::int64_t end_x = to.x + to.width / 2;
    out += concat("<path class=\"k\" marker-end=\"url(#g)\" d=\"M", start_x, " ", y);
    out += concat("C", x, " ", y, " ", x, " ", y, " ", x, " ", (y + end) / 2);
    out += concat("S", x, " ", end, " ", end_x, " ", end, "\"/>\n");
    out += concat("<text class=\"t\" x=\"", x - kCharWidth, "\" y=\"", (y + end) / 2, "\">↺ ");
    out += concat(escaped(arrow.label), "</text>\n");
  }

  void draw_box(std::string& out, const Node& node) const {
    const Task& task = workflow_.tasks[*node.task];
    const bool entry = std::find(workflow_.entries.begin(), workflow_.entries.end(), *node.task) !=
                       workflow_.entries.end();
    out += "<g>";
    if (!task.description.empty()) {
      out += concat("<title>", escaped(task.description), "</title>");
    }
    out += concat("<rect class=\"b", entry ? " e" : "", "\" x=\"", node.x - node.width / 2);
    out += concat("\" y=\"", node.y, "\" width=\"", node.width, "\" height=\"", node.height);
    out += concat("\" rx=\"", task.always_run ? node.height / 2 : 6, "\"/>");
    std::int64_t y = node.y + kLineHeight + 2;
    out += concat("<text class=\"n\" x=\"", node.x, "\" y=\"", y, "\">");
    out += concat(escaped(caption(workflow_, *node.task)), "</text>");
    for (const std::string& action : node.actions) {
      y += kLineHeight;
      out += concat("<text class=\"a\" x=\"", node.x, "\" y=\"", y, "\">", escaped(action));
      out += "</text>";
    }
    out += "</g>\n";
  }

  const Workflow& workflow_;
  Layout layout_;
  std::vector<Node> nodes_;
  std::vector<std::vector<std::size_t>> layers_;
  std::vector<std::vector<std::size_t>> paths_;
  std::int64_t width_ = 0;
  std::int64_t height_ = 0;
  std::int64_t loops_x_ = 0;
};

}  // namespace

std::string draw_svg(const Workflow& workflow) {
  return Drawing(workflow).draw();
}

}  // namespace reeve::workflow
