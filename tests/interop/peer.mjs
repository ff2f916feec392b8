// Other people's implementations, by their package name: the first use fetches one and keeps it in
// the folder of the build that asks for it.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

// The package `name` of that version, from a folder of its own in `cache`. Its scripts do not run.
export function peer(cache, name, version) {
  const folder = resolve(cache, name)
  mkdirSync(folder, { recursive: true })
  const require = createRequire(join(folder, 'from-here.js'))
  try {
    return require(name)
  } catch {
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300000,
    })
    return require(name)
  }
}

export function onnxruntime(cache) {
  return peer(cache, 'onnxruntime-node', '1.30.0')
}
