// Measures what plan.json says, shows it, and sends it back.

import {Card} from "./chart.js";

const $ = (id) => document.getElementById(id);
const pause = () => new Promise((done) => setTimeout(done));

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").className = bad ? "bad" : "";
}

async function describe(gpu) {
  const agent = navigator.userAgentData;
  const more = await agent?.getHighEntropyValues(["model", "platformVersion"]);
  const brands = agent?.brands.filter(({brand}) => !/not.*brand/i.test(brand));
  const browser = brands?.length
    ? `${brands.at(-1).brand} ${brands.at(-1).version}` : navigator.userAgent;
  const os = agent ? `${agent.platform} ${more.platformVersion}`.trim()
    : navigator.platform || "unknown";
  const {vendor, architecture} = gpu?.info ?? {};
  return {
    name: more?.model || os,
    os,
    browser,
    cores: navigator.hardwareConcurrency || 1,
    gpu: [vendor, architecture].filter(Boolean).join(" ")
      || (gpu ? "unknown" : "none"),
  };
}

function plannedCases(plan, gpu, skip) {
  let threads = plan.threads;
  if (!self.crossOriginIsolated && threads.some((count) => count > 1)) {
    skip("More than one thread: this address is not a secure one.");
    threads = [1];
  }
  const cases = [];
  for (const accelerator of plan.accelerators) {
    if (accelerator === "gpu" && !gpu) {
      skip("WebGPU: this browser has none at this address.");
      continue;
    }
    for (const count of accelerator === "gpu" ? [1] : threads) {
      plan.models.forEach((name, model) =>
        cases.push({name, model, accelerator, threads: count, times_ms: []}));
    }
  }
  return cases;
}

async function load(cases, plan, skip) {
  const {Model} = await import("./measure.js");
  const loaded = [];
  for (const one of cases) {
    say(`Loading ${one.name}`);
    const reply = await fetch(`models/${one.model}.tflite`);
    const content = new Uint8Array(await reply.arrayBuffer());
    try {
      one.runner = await Model.load(content, one.accelerator, one.threads);
      one.first_run_ms = await one.runner.time();
    } catch (error) {
      skip(`${one.name} on ${one.accelerator}: ${error.message}`);
      continue;
    }
    const how = one.accelerator === "gpu" ? "WebGPU"
      : `WebAssembly, ${one.threads} thread${one.threads > 1 ? "s" : ""}`;
    one.card = new Card($("cases"), one.name, how, plan.runs);
    loaded.push(one);
    await pause();
  }
  return loaded;
}

async function takeTurns(cases, plan) {
  for (const {runner} of cases) {
    for (let i = 1; i < plan.warmup_runs; i++) await runner.time();
  }
  for (let done = 0; done < plan.runs; done += plan.runs_per_turn) {
    say(`Measuring, run ${done} of ${plan.runs}`);
    for (const {runner, times_ms, card} of cases) {
      await runner.time();  // the model before left its data in the caches
      const count = Math.min(plan.runs_per_turn, plan.runs - done);
      for (let i = 0; i < count; i++) times_ms.push(await runner.time());
      card.draw(times_ms);
      await pause();
    }
    const slowest = Math.max(...cases.map(({card}) => card.median));
    for (const {card} of cases) card.compare(slowest);
    $("progress").value = (done + plan.runs_per_turn) / plan.runs;
  }
}

async function send(device, cases, skipped) {
  const results = cases.map(
    ({model, accelerator, threads, times_ms, first_run_ms, runner}) => ({
      model, accelerator, threads, times_ms, first_run_ms,
      init_ms: runner.init_ms,
    }));
  const reply = await fetch("results", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({device, results, skipped}),
  });
  if (!reply.ok) throw new Error(await reply.text());
}

async function main() {
  const {canRunSimd, findGpu, start} = await import("./measure.js");
  if (!canRunSimd()) {
    throw new Error("This browser cannot run WebAssembly SIMD. Chrome can"
      + " from 91 on, Firefox from 89, Safari from 16.4.");
  }
  const skipped = [];
  const skip = (text) => {
    skipped.push(text);
    $("skipped").appendChild(document.createElement("li")).textContent = text;
  };
  const plan = await (await fetch("plan.json")).json();
  const gpu = await findGpu();
  const device = await describe(gpu);
  $("device").textContent =
    `${device.name} · ${device.cores} cores · GPU ${device.gpu}`
    + ` · ${device.browser}`;
  await navigator.wakeLock?.request("screen").catch(() => {});
  say("Loading LiteRT.js");
  await start();
  const cases = await load(plannedCases(plan, gpu, skip), plan, skip);
  if (!cases.length) throw new Error("This browser runs none of the models.");
  await takeTurns(cases, plan);
  await send(device, cases, skipped);
  say("Done. The figures are where the command was started.");
}

main().catch((error) => say(error.message, true));
