// ONNX Runtime as bench/engine drives it: reads commands, one a line, and answers each with a line.
//
//   infer MODEL BATCH SECONDS    seconds of the fastest forward run
//
// Usage: node engine_onnxruntime.mjs CACHE_FOLDER THREADS

import { createInterface } from 'node:readline'
import { onnxruntime } from '../tests/interop/peer.mjs'

const [cache, threads] = process.argv.slice(2)
const WARM_UP = 2

const ort = onnxruntime(cache)
const sessions = new Map()
const warm = new Set()

async function session(path) {
  if (!sessions.has(path)) {
    sessions.set(path, await ort.InferenceSession.create(path, {
      intraOpNumThreads: Number(threads),
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    }))
  }
  return sessions.get(path)
}

async function fastest(path, batch, seconds) {
  const s = await session(path)
  const shape = [batch, ...s.inputMetadata[0].shape.slice(1)]
  const count = shape.reduce((a, b) => a * b)
  const x = new ort.Tensor('float32', Float32Array.from({ length: count }, (_, i) => (i * 7919 % 1000) / 1000), shape)
  const input = { [s.inputNames[0]]: x }
  let best = Infinity
  if (!warm.has(`${path} ${batch}`)) {
    for (let i = 0; i < WARM_UP; i++) await s.run(input)
    warm.add(`${path} ${batch}`)
  }
  const end = performance.now() + seconds * 1000
  do {
    const begin = performance.now()
    await s.run(input)
    best = Math.min(best, performance.now() - begin)
  } while (performance.now() < end)
  return best / 1000
}

for await (const line of createInterface({ input: process.stdin })) {
  const [, path, batch, seconds] = line.split(' ')
  console.log((await fastest(path, Number(batch), Number(seconds))).toFixed(9))
}
