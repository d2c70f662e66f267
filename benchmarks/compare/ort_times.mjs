// Times ONNX Runtime for compare.py: a child process that reads one JSON request per line and answers each with one line.
//   {"setup": {"folder": "...", "shape": [B, L, C], "threads": T}}   opens the ONNX files that torch_model.py wrote there;
//       answers {"missing": [...]}: files that do not load, or whose forecast is not PyTorch's
//   {"slice": {"peer": "ort" or "ort-mha", "prune": "none" or "all", "seconds": S}}   answers {"times_us": [...]}
//   {"about": {}}   answers {"onnxruntime": ..., "node": ..., "call_us": what a call costs that does nothing}
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const places = [process.env.ORT_MODULES, path.resolve('node_modules'), path.join(here, 'node_modules')];
const place = places.find((one) => one && fs.existsSync(path.join(one, 'onnxruntime-node')));
if (!place) {
  console.error('no onnxruntime-node: npm install --ignore-scripts onnxruntime-node, here or in benchmarks/compare;'
    + ' or name a node_modules in ORT_MODULES');
  process.exit(1);
}
const ort = createRequire(import.meta.url)(path.resolve(place, 'onnxruntime-node'));

// A model that returns its only number.
const identity = 'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFpWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';

const calls = new Map();

function open(model, threads) {
  return ort.InferenceSession.create(model, {
    executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1,
    executionMode: 'sequential', graphOptimizationLevel: 'all', logSeverityLevel: 3,
  });
}

const floats = (file) => new Float32Array(new Uint8Array(fs.readFileSync(file)).buffer);

async function prepare(file, shape, threads) {
  const session = await open(file, threads);
  const x = new ort.Tensor('float32', floats(file.replace(/onnx$/, 'x')), shape);
  const expected = floats(file.replace(/onnx$/, 'y'));
  const found = (await session.run({ x })).y.data;
  const error = expected.reduce((worst, y, i) => Math.max(worst, Math.abs(y - found[i])), 0);
  if (!(error < 1e-3)) throw new Error(`its forecast differs from PyTorch's by ${error}`);
  return () => session.run({ x });
}

async function setup({ folder, shape, threads }) {
  const missing = [];
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.onnx'))) {
    try {
      calls.set(path.parse(name).name, await prepare(path.join(folder, name), shape, threads));
    } catch (problem) {
      missing.push(`ONNX Runtime, ${name}: ${String(problem.message).split('\n')[0]}`);
    }
  }
  return { missing };
}

// Like bench_times: warm up, then at least three calls.
async function timesOf(call, seconds) {
  const now = () => performance.now() / 1e3;
  for (const end = now() + Math.min(0.2, seconds / 4); now() < end;) await call();
  const times = [];
  for (const end = now() + seconds; times.length < 3 || now() < end;) {
    const start = now();
    await call();
    times.push((now() - start) * 1e6);
  }
  return times;
}

async function slice({ peer, prune, seconds }) {
  const call = calls.get(`${peer}-${prune}`);
  return { times_us: call ? await timesOf(call, seconds) : [] };
}

async function about() {
  const session = await open(Buffer.from(identity, 'base64'), 1);
  const x = new ort.Tensor('float32', new Float32Array(1), [1]);
  const times = (await timesOf(() => session.run({ x }), 0.1)).sort((a, b) => a - b);
  return { onnxruntime: ort.env.versions.node, node: process.version, call_us: times[times.length >> 1] };
}

const answers = { setup, slice, about };
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [[kind, request]] = Object.entries(JSON.parse(line));
  console.log(JSON.stringify(await answers[kind](request)));
}
