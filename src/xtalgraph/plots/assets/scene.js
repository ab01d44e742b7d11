"use strict";
(() => {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const stage = document.getElementById("stage");
  const view = document.getElementById("view");
  const tip = document.getElementById("tip");
  const still = document.getElementById("still");
  const tools = document.getElementById("tools");

  const webgl = () => {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
    } catch {
      return false;
    }
  };
  if (!webgl() || scene.atoms.length === 0) return;

  view.hidden = false;
  let viewer;
  try {
    viewer = $3Dmol.createViewer(view, { backgroundColor: "white", hoverDuration: 60 });
  } catch {
    view.hidden = true;
    return;
  }
  still.hidden = true;
  tools.hidden = false;

  let byClass = scene.color === "class";
  const ball = (atom) => {
    const color = byClass ? atom.kindColor : atom.color;
    return {
      sphere: { radius: atom.radius, color },
      stick: { radius: scene.stick, color },
    };
  };
  const model = viewer.addModel();
  model.addAtoms(
    scene.atoms.map((atom, index) => ({
      elem: atom.symbol,
      x: atom.position[0],
      y: atom.position[1],
      z: atom.position[2],
      index,
      serial: index,
      bonds: atom.bonds,
      bondOrder: atom.bonds.map(() => 1),
      style: ball(atom),
    })),
  );

  const point = ([x, y, z]) => ({ x, y, z });
  let drawn = [];
  const showCell = (visible) => {
    drawn.forEach((shape) => viewer.removeShape(shape));
    drawn = [];
    if (visible) {
      drawn = scene.edges.map((edge) =>
        viewer.addCylinder({
          start: point(edge.start),
          end: point(edge.end),
          radius: scene.line,
          color: "#8793a0",
          dashed: !edge.repeats,
          dashLength: 0.4,
          gapLength: 0.3,
        }),
      );
    }
    nameThings(visible);
  };

  // Labels are elements over the picture. Each is put beside its atom or axis, where it covers no
  // ball and no other label, and never beyond the frame.
  const layer = document.getElementById("labels");
  const MOST_PLACED = 200;
  let labels = [];
  const nameThings = (axes) => {
    layer.replaceChildren();
    labels = [];
    const add = (text, at, ball, kind) => {
      const element = document.createElement("span");
      element.textContent = text;
      element.className = kind;
      layer.append(element);
      const { offsetWidth: width, offsetHeight: height } = element;
      labels.push({ element, at, ball, width, height });
    };
    if (axes) scene.axes.forEach((axis) => add(axis.name, axis.position, null, "axis"));
    const named = document.getElementById("show-names").checked;
    const numbered = byClass && scene.numbered;
    if (named || numbered) {
      scene.atoms.forEach((atom, index) => {
        if (atom.cell) return;
        const kind = numbered ? String(atom.kind) : "";
        const text = named ? [atom.name, kind].filter(Boolean).join(" · ") : kind;
        add(text, atom.position, index, "atom");
      });
    }
  };

  const shown = (atom) => !atom.cell || document.getElementById("show-images").checked;
  const discs = () => {
    const [x, y, z, w] = viewer.getView().slice(4);
    // What points right on the screen, in the coordinates of the crystal.
    const right = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)];
    const centers = viewer.modelToScreen(scene.atoms.map((atom) => point(atom.position)));
    const rims = viewer.modelToScreen(
      scene.atoms.map((atom) => point(atom.position.map((p, k) => p + atom.radius * right[k]))),
    );
    const frame = layer.getBoundingClientRect();
    const [left, top] = [frame.left + window.scrollX, frame.top + window.scrollY];
    return centers.map((center, index) => ({
      x: center.x - left,
      y: center.y - top,
      radius: Math.hypot(rims[index].x - center.x, rims[index].y - center.y),
      shown: shown(scene.atoms[index]),
    }));
  };
  const overlap = (box, disc) => {
    const dx = Math.max(box.x - disc.x, disc.x - box.x - box.width, 0);
    const dy = Math.max(box.y - disc.y, disc.y - box.y - box.height, 0);
    return Math.max(disc.radius - Math.hypot(dx, dy), 0);
  };
  const crosses = (one, other) =>
    one.x < other.x + other.width && other.x < one.x + one.width &&
    one.y < other.y + other.height && other.y < one.y + one.height;
  const ANGLES = [0, 45, -45, 90, -90, 135, -135, 180].map((angle) => (angle * Math.PI) / 180);
  const place = () => {
    if (labels.length === 0) return;
    const { clientWidth: width, clientHeight: height } = layer;
    const balls = discs();
    const obstacles = balls.filter((disc) => disc.shown);
    const frame = layer.getBoundingClientRect();
    const taken = [];
    labels.forEach((label) => {
      const own = label.ball === null ? null : balls[label.ball];
      const spot = own ?? viewer.modelToScreen(point(label.at));
      const center = own ?? {
        x: spot.x - frame.left - window.scrollX, y: spot.y - frame.top - window.scrollY, radius: 0,
      };
      const along = own ? -Math.PI / 4 : Math.atan2(center.y - height / 2, center.x - width / 2);
      let best = null;
      const distances = labels.length > MOST_PLACED ? [] : own ? [2, 14, 30] : [0, 14, 30, 50, 75, 105];
      search: for (const distance of distances) {
        for (const angle of ANGLES) {
          const [ux, uy] = [Math.cos(along + angle), Math.sin(along + angle)];
          const reach = center.radius + distance;
          // The box touches the circle of this reach with the side that faces it.
          const half = Math.abs(ux) * label.width / 2 + Math.abs(uy) * label.height / 2;
          const box = {
            x: center.x + ux * (reach + half) - label.width / 2,
            y: center.y + uy * (reach + half) - label.height / 2,
            width: label.width,
            height: label.height,
          };
          box.x = Math.min(Math.max(box.x, 0), width - box.width);
          box.y = Math.min(Math.max(box.y, 0), height - box.height);
          let cost = distance * 0.02;
          obstacles.forEach((disc) => { cost += overlap(box, disc); });
          taken.forEach((other) => { cost += crosses(box, other) ? 20 : 0; });
          if (best === null || cost < best.cost) best = { box, cost };
          if (cost <= distance * 0.02) break search;
        }
      }
      const box = best?.box ?? {
        x: center.x - label.width / 2, y: center.y - label.height / 2, ...label,
      };
      taken.push(box);
      label.element.style.transform = `translate(${box.x.toFixed(1)}px, ${box.y.toFixed(1)}px)`;
    });
  };
  let waiting = false;
  const placeSoon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      place();
    });
  };
  viewer.setViewChangeCallback(placeSoon);
  addEventListener("resize", placeSoon);

  const describe = (atom) => {
    const lines = [`index ${atom.site}, coordination ${atom.coordination}`];
    if (atom.label) lines.unshift(atom.label);
    if (atom.kind !== null) lines.push(`symmetry class ${atom.kind}`);
    if (atom.cell) lines.push(`image in the cell (${atom.cell.join(", ")})`);
    return lines;
  };
  const showTip = (picked, event) => {
    const atom = scene.atoms[picked.index];
    tip.replaceChildren();
    const head = document.createElement("b");
    head.textContent = atom.symbol;
    tip.append(head);
    describe(atom).forEach((line) => {
      const row = document.createElement("div");
      row.textContent = line;
      tip.append(row);
    });
    tip.hidden = false;
    const frame = stage.getBoundingClientRect();
    const touch = event && event.changedTouches && event.changedTouches[0];
    const at = touch || event || {};
    const x = (at.clientX ?? frame.left + frame.width / 2) - frame.left;
    const y = (at.clientY ?? frame.top + frame.height / 2) - frame.top;
    tip.style.left = `${Math.max(4, Math.min(x + 14, frame.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, frame.height - tip.offsetHeight - 4))}px`;
  };
  const hideTip = () => {
    tip.hidden = true;
  };
  viewer.setHoverable({}, true, (atom, _viewer, event) => showTip(atom, event), hideTip);
  view.addEventListener("mouseleave", hideTip);
  viewer.setClickable({}, true, (atom, _viewer, event) => showTip(atom, event));

  const colorButtons = document.querySelectorAll("[data-color]");
  const showColors = () => {
    scene.atoms.forEach((atom, index) => {
      viewer.setStyle({ index }, shown(atom) ? ball(atom) : {});
    });
    document.getElementById("elements").hidden = byClass;
    document.getElementById("classes").hidden = !byClass;
    colorButtons.forEach((button) => {
      button.setAttribute("aria-pressed", String((button.dataset.color === "class") === byClass));
    });
  };

  const turn = (name) => {
    hideTip();
    viewer.zoomTo();
    const placed = viewer.getView();
    viewer.setView([...placed.slice(0, 4), ...scene.views[name]]);
    const narrow = Math.min(1, stage.clientWidth / stage.clientHeight);
    viewer.zoom(scene.margin * narrow); // it is fitted to the height, and to the centres of the balls
    viewer.render();
    placeSoon();
  };
  document.querySelectorAll("[data-view]").forEach((button) => {
    button.addEventListener("click", () => turn(button.dataset.view));
  });
  const cellBox = document.getElementById("show-cell");
  const imageBox = document.getElementById("show-images");
  const redraw = () => {
    showCell(cellBox.checked);
    viewer.render();
    placeSoon();
  };
  cellBox.addEventListener("change", redraw);
  document.getElementById("show-names").addEventListener("change", redraw);
  imageBox.addEventListener("change", () => {
    showColors();
    viewer.render();
    placeSoon();
  });
  document.getElementById("colors").hidden = !scene.hasClasses;
  colorButtons.forEach((button) => {
    button.addEventListener("click", () => {
      byClass = button.dataset.color === "class";
      showColors();
      redraw();
    });
  });

  showColors();
  showCell(true);
  turn("home");
  stage.dataset.ready = "true";
})();
