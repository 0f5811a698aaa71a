// Loads models by LiteRT.js and times them in turns.

import {
  isWebGPUSupported, loadAndCompile, loadLiteRt, Tensor,
} from "./litertjs/index.js";

const ARRAYS = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array};
// A module with one function that uses a vector instruction.
const SIMD_MODULE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10,
  1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

export function canRunSimd() {
  return typeof WebAssembly === "object" && WebAssembly.validate(SIMD_MODULE);
}

export async function start() {
  // Threads need shared memory, which a browser gives to isolated pages only.
  await loadLiteRt("./litertjs/wasm/", {threads: self.crossOriginIsolated});
}

export async function findGpu() {
  if (!isWebGPUSupported()) return null;
  return (await navigator.gpu.requestAdapter()) ?? null;
}

export class Model {
  constructor(compiled, initMs) {
    this.compiled = compiled;
    this.init_ms = initMs;
    this.inputs = compiled.getInputDetails().map(({dtype, shape}) => {
      const data = new ARRAYS[dtype](shape.reduce((a, b) => a * b, 1));
      return new Tensor(data.map((_, i) => (i % 251) / 251), [...shape]);
    });
  }

  static async load(content, accelerator, threads) {
    const begin = performance.now();
    const compiled = await loadAndCompile(content, {
      accelerator: accelerator === "gpu" ? "webgpu" : "wasm",
      cpuOptions: {numThreads: threads},
    });
    const model = new Model(compiled, performance.now() - begin);
    if (accelerator === "gpu") {
      if (!compiled.isFullyAccelerated) {
        compiled.delete();
        throw new Error("WebGPU does not take all of its operators");
      }
      model.inputs = await Promise.all(
        model.inputs.map((tensor) => tensor.moveTo("webgpu")));
    }
    return model;
  }

  // The time of one run, in ms. It ends when the outputs can be read: a GPU
  // has only been told to work when `run` returns.
  async time() {
    const begin = performance.now();
    const outputs = await this.compiled.run(this.inputs);
    for (const output of outputs) await output.data();
    const time = performance.now() - begin;
    for (const output of outputs) output.delete();
    return time;
  }
}
