// First views, byte by byte; and a large fleet, page by page.
import {readFileSync} from 'node:fs'
import {check, say, withBrowser, world} from './lib.mjs'
import {go, signIn} from './steps.mjs'

/* ---- the first view ---- */

// On the page's own clock: the first control that can be used, and when the page said that it is ready.
function watchReady() {
  new MutationObserver(() => {
    if (document.querySelector('nav a, main input, main button, main a')) globalThis.usableAt ??= performance.now()
    if (document.documentElement?.dataset.ready !== undefined) globalThis.readyAt ??= performance.now()
  }).observe(document, {attributes: true, childList: true, subtree: true})
}

// What came over the wire, heads included: {bytes, requests, each}; answers of the API are told apart from files.
async function wire(client) {
  await client.send('Network.enable')
  const names = new Map()
  const told = {bytes: 0, answers: 0, requests: 0, each: {}}
  client.on('Network.requestWillBeSent', ({requestId, request}) => names.set(requestId, new URL(request.url).pathname))
  client.on('Network.loadingFinished', ({requestId, encodedDataLength}) => {
    const name = names.get(requestId)
    told.requests++
    told.bytes += encodedDataLength
    if (!name.startsWith('/assets/') && !world.paths.some(path => path.split('#')[0] === name)) told.answers += encodedDataLength
    told.each[name] = (told.each[name] ?? 0) + encodedDataLength
  })
  return told
}

// How many requests wait for one another, up to the first drawing that is ready.
function rounds() {
  const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(one => one.responseEnd && one.startTime <= (globalThis.readyAt ?? Infinity)).sort((a, b) => a.startTime - b.startTime)
  const level = new Map()
  for (const one of all) level.set(one, 1 + Math.max(0, ...all.filter(other => level.has(other) && other.responseEnd <= one.startTime).map(other => level.get(other))))
  return Math.max(...level.values())
}

async function view(open, path, cookies, still) {
  const {context, page} = await open()
  await context.addCookies(cookies)
  await context.addInitScript(watchReady)
  const client = await context.newCDPSession(page)
  await client.send('Performance.enable', {timeDomain: 'threadTicks'})
  const told = await wire(client)
  await page.goto(world.base + path)
  await page.locator('html[data-ready], body > h1').first().waitFor({state: 'attached'})
  await page.locator('[aria-busy=true]').first().waitFor({state: 'detached'})
  const spent = Object.fromEntries((await client.send('Performance.getMetrics')).metrics.map(({name, value}) => [name, value * 1000]))
  const times = await page.evaluate(() => ({usable: globalThis.usableAt ?? performance.now(), ready: globalThis.readyAt ?? performance.now()}))
  Object.assign(times, {script: spent.ScriptDuration, main: spent.TaskDuration, rounds: await page.evaluate(rounds)})
  if (still) await page.waitForTimeout(700) // what it asks for behind the first drawing counts too
  await context.close()
  return {...told, times}
}

async function firstViews(open) {
  const {context, page} = await open()
  await signIn(page)
  const cookies = (await context.cookies()).map(({name, value}) => ({name, value, url: world.base}))
  const views = {}
  for (const path of world.paths) {
    const own = path === '/sign-in' ? [] : cookies
    views[path] = await view(open, path, own, true)
    views[path].times = [views[path].times]
    for (let i = 0; i < world.again; i++) views[path].times.push((await view(open, path, own, false)).times)
  }
  say({views})
}

/* ---- a large fleet ---- */

const rows = page => page.locator('main tbody tr').count()
const names = page => page.locator('[data-test=thing-link]').allInnerTexts()

async function drawn(page, first) {
  await page.locator('[data-test=thing-link]').first().filter({hasText: first}).waitFor()
  await page.locator('[aria-busy=true]').first().waitFor({state: 'detached'})
}

// From page to page: each name once and in order.
async function turn(page, told) {
  let last = ''
  for (let i = 0; i < world.pages; i++) {
    const shown = await names(page)
    told.rows = Math.max(told.rows, await rows(page))
    check(shown.length === 100, `${shown.length} things on page ${i + 1}`)
    for (const name of shown) {
      check(name > last, `${name} behind ${last}`)
      last = name
    }
    told.pages.push(await page.evaluate(async after => {
      const began = performance.now()
      const heading = [...document.querySelectorAll('nav.pager button')].at(-1)
      heading.click()
      while (document.querySelector('[data-test=thing-link]').textContent <= after || document.querySelector('.table[aria-busy]')) await new Promise(requestAnimationFrame)
      return performance.now() - began
    }, last))
  }
  check(await page.getByText(`Page ${world.pages + 1}`).count() === 1, 'the page is told')
}

async function search(page, text, first) {
  const began = Date.now()
  await page.locator('[data-test=things-search]').fill(text)
  if (first) await drawn(page, first)
  else await page.locator('main .empty').waitFor()
  return Date.now() - began
}

// Both files, and the longest that nothing was drawn meanwhile.
async function exported(page, told) {
  await page.evaluate(() => {
    globalThis.longest = 0
    let before = performance.now()
    const frame = now => {
      globalThis.longest = Math.max(globalThis.longest, now - before)
      before = now
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
  const began = Date.now()
  const save = async index => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('.export button').nth(index).click()])
    return readFileSync(await file.path(), 'utf8')
  }
  const csv = (await save(0)).trim().split('\r\n')
  const json = JSON.parse(await save(1))
  told.exported = Date.now() - began
  told.frame = await page.evaluate(() => globalThis.longest)
  check(csv.length === 101 && json.length === 100 && csv[100].includes('fleet-'), `${csv.length} lines, ${json.length} rows: ${csv.slice(0, 2)}`)
}

async function fleet(open) {
  const {page} = await open({acceptDownloads: true})
  const told = {pages: [], rows: 0, requests: 0, bytes: 0, searches: {}}
  await signIn(page)
  page.on('response', async answer => {
    if (!answer.url().endsWith('/indices/search')) return
    check(answer.request().postDataJSON().maxResults <= 100, 'no more is asked for than is shown')
    told.bytes = Math.max(told.bytes, Number(answer.headers()['content-length'] ?? 0))
    told.requests++
  })
  await go(page, '/console#/things')
  await drawn(page, 'first')
  await turn(page, told)
  const {requests} = told
  await exported(page, told)
  for (const [query, first] of [['fleet-0999', 'fleet-099900'], ['attributes.serialNumber:SN-077777', 'fleet-077777'], ['attributes.site:Turku', 'fleet-000002'], ['nothing-of-that-name', '']])
    told.searches[query] = await search(page, query, first)
  told.rows = Math.max(told.rows, await rows(page))
  say({...told, requests})
}

await withBrowser(world.part === 'first' ? firstViews : fleet)
