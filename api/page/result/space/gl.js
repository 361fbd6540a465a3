// Drawing a cloud of points by WebGL 2: what is kept on the graphics card, and one frame.

import { pause } from "../dom.js";
import { CENTERS, LINES, POINTS } from "./shaders.js";
import { DISTANCE, focal, rotation } from "./turn.js";

const NOISE_GREY = [180, 180, 180];
const CENTER = 13; // CSS pixels
const MANY_CENTERS = 40; // from here on they are smaller
const NOTHING_LIT = -3;

/** A painter on the canvas, or null where there is no WebGL 2. `diameters` in CSS pixels, one for each colour. */
export async function makePainter(canvas, cloud, diameters) {
  // Antialiasing would smooth the box's lines alone, and takes two fifths of the time where a processor draws.
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, powerPreference: "low-power" });
  if (!gl) return null;
  const programs = {
    points: programOf(gl, POINTS), centers: programOf(gl, CENTERS), lines: programOf(gl, LINES),
  };
  await linked(gl, Object.values(programs));
  const inCluster = cloud.labels.map((label) => cloud.centers[label] ?? NOISE_GREY);
  const kept = {
    points: arrayOf(gl, programs.points, {
      place: [3, null], own: [3, bytesOf(cloud.colors)], cluster: [3, bytesOf(inCluster)],
      diameter: [1, diameters], label: [1, Float32Array.from(cloud.labels)],
    }),
    centers: arrayOf(gl, programs.centers, { place: [3, null], own: [3, bytesOf(cloud.centers)] }),
    lines: arrayOf(gl, programs.lines, { place: [3, null] }),
  };
  return {
    /** Take other coordinates: see `placed` in cloud.js. */
    place({ points, centers, box }) {
      kept.points.fill("place", points);
      kept.centers.fill("place", centers);
      kept.lines.fill("place", edges(box.half));
    },
    /** Draw {view, room, ground, ink, clustered, lit}: colours 0..255, sizes in CSS pixels. */
    draw: (scene) => frame(gl, programs, kept, cloud, scene),
    free: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

function frame(gl, programs, kept, cloud, scene) {
  const { canvas } = gl;
  const ratio = devicePixelRatio;
  const [width, height] = scene.room.map((side) => Math.round(side * ratio));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  gl.viewport(0, 0, width, height);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.DEPTH_TEST);
  const camera = { turn: rotation(scene.view), focal: focal(scene.view, scene.room), eye: DISTANCE };
  const [ground, ink] = [scene.ground, scene.ink].map((color) => color.map((value) => value / 255));
  use(gl, programs.lines, kept.lines, { ...camera, ink });
  gl.drawArrays(gl.LINES, 0, 24);
  const lit = scene.lit ?? NOTHING_LIT;
  use(gl, programs.points, kept.points, { ...camera, ground, lit, clustered: scene.clustered ? 1 : 0, pixels: ratio });
  gl.drawArrays(gl.POINTS, 0, cloud.colors.length);
  gl.disable(gl.DEPTH_TEST);
  const diameter = (cloud.centers.length > MANY_CENTERS ? CENTER * 0.65 : CENTER) * ratio;
  use(gl, programs.centers, kept.centers, { ...camera, diameter });
  gl.drawArrays(gl.POINTS, 0, cloud.centers.length);
}

function use(gl, program, array, uniforms) {
  gl.useProgram(program);
  gl.bindVertexArray(array.vertices);
  for (const [name, value] of Object.entries(uniforms)) {
    const at = gl.getUniformLocation(program, name);
    if (typeof value === "number") gl.uniform1f(at, value);
    else if (value.length === 2) gl.uniform2fv(at, value);
    else if (value.length === 3) gl.uniform3fv(at, value);
    else gl.uniformMatrix3fv(at, true, value); // it is given by rows
  }
}

function programOf(gl, { vertex, fragment }) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return program;
}

/** Waits for the compiler, without holding up the page where the browser can tell when it is done. */
async function linked(gl, programs) {
  const parallel = gl.getExtension("KHR_parallel_shader_compile");
  const busy = (program) => parallel && !gl.getProgramParameter(program, parallel.COMPLETION_STATUS_KHR);
  while (programs.some(busy) && !gl.isContextLost()) await pause();
  for (const program of programs) {
    if (gl.getProgramParameter(program, gl.LINK_STATUS) || gl.isContextLost()) continue;
    throw new Error(gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader)).join(" "));
  }
}

/** Vertices with their attributes {name: [numbers for each, values]}; values of null are filled in later. */
function arrayOf(gl, program, attributes) {
  const vertices = gl.createVertexArray();
  gl.bindVertexArray(vertices);
  const buffers = {};
  for (const [name, [length, values]] of Object.entries(attributes)) {
    const at = gl.getAttribLocation(program, name);
    buffers[name] = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    if (values) gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    const isBytes = values instanceof Uint8Array;
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, length, isBytes ? gl.UNSIGNED_BYTE : gl.FLOAT, isBytes, 0, 0);
  }
  return {
    vertices,
    fill(name, values) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    },
  };
}

const bytesOf = (colors) => Uint8Array.from(colors.flat());

/** The twelve edges of a box around 0, as pairs of corners. */
function edges(half) {
  const made = [];
  for (let axis = 0; axis < 3; axis++) {
    for (const [one, other] of [[-1, -1], [-1, 1], [1, -1], [1, 1]]) {
      for (const end of [-1, 1]) {
        const corner = [0, 0, 0];
        [corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3]] = [end, one, other];
        made.push(...corner.map((sign, at) => sign * half[at]));
      }
    }
  }
  return new Float32Array(made);
}
