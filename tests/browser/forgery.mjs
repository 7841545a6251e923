// Pages of others in the browser of somebody who is signed in: of another site, and of another origin of the same site. They post
// forms, fetch, listen, put our pages into frames. What they may read is nothing; the test sees that nothing was done either.
import {ask, check, say, withBrowser, world} from './lib.mjs'
import {signIn} from './steps.mjs'

const text = value => JSON.stringify(value)
const policy = text({policyName: 'forged', policyDocument: text({Version: '2012-10-17', Statement: []})})
const CHANGES = [
  ['POST', '/policies/forged', policy],
  ['POST', '/things/forged', '{}'],
  ['POST', '/_vouch/claims', text({templateName: world.template})],
  ['POST', `/provisioning-templates/${world.template}/provisioning-claim`, ''],
  ['POST', `/_vouch/pairings/${world.pairing}/approve`, text({keyFingerprint: world.fingerprint, templateName: world.template})],
  ['POST', `/_vouch/pairings/${world.pairing}/deny`, '{}'],
  ['POST', '/_vouch/pairings', text({certificateSigningRequest: world.request, serialNumber: 'forged'})],
  ['PUT', '/_vouch/session/password', text({oldPassword: world.password, newPassword: 'the password of somebody else'})],
  ['DELETE', '/_vouch/session', undefined],
  ['POST', '/_vouch/session', text({userName: world.other.user, password: world.other.password})],
  ['PUT', '/_vouch/users/forged/password', text({password: 'the password of somebody else'})],
  ['POST', '/', 'Action=CreateUser&UserName=forged&Version=2010-05-08'],
  ['POST', '/topics/forged?qos=1', 'forged']
]
const READS = ['/things', '/_vouch/session', '/_vouch/session/rights', '/_vouch/ledger', '/_vouch/users', '/ca.pem', '/console', '/assets/app.js']
let tried = 0

// What a script there gets: the status and the text, or that it gets nothing.
const fetched = ([method, url, body, mode, headers]) =>
  fetch(url, {method, body, mode, headers, credentials: 'include'}).then(async answer => ({type: answer.type, status: answer.status, text: await answer.text()}), () => null)

async function nothing(page, what, ...request) {
  const got = await page.evaluate(fetched, request)
  check(!got || (got.status === 0 && got.text === ''), `${what}: ${JSON.stringify(got).slice(0, 300)}`)
  tried++
}

async function fetches(page, origin, token) {
  for (const [method, path, body] of CHANGES) {
    const url = world.base + path
    await nothing(page, `${origin} ${method} ${path}`, method, url, body, 'cors', {})
    await nothing(page, `${origin} ${method} ${path} with a token`, method, url, body, 'cors', {'content-type': 'application/json', 'x-vouch-csrf': token})
    if (method === 'POST') await nothing(page, `${origin} ${path} blindly`, method, url, body, 'no-cors', {'content-type': 'text/plain'})
  }
  for (const path of READS) for (const mode of ['cors', 'no-cors']) await nothing(page, `${origin} ${path}`, 'GET', world.base + path, undefined, mode, {})
}

// A form's text/plain can be made to look like JSON: the "=" between name and value ends up in a member that nobody reads.
function submit([url, enctype, body, method]) {
  const form = document.createElement('form')
  Object.assign(form, {action: url, method, enctype, target: '_top'})
  const put = (name, value) => form.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}))
  if (enctype === 'text/plain' && body.endsWith('}')) put(`${body.slice(0, -1)}${body === '{}' ? '' : ','}"rest":"`, '"}')
  else for (const [name, value] of new URLSearchParams(body)) put(name, value)
  document.body.append(form)
  form.submit()
}

async function forms(page, origin) {
  for (const [method, path, body] of CHANGES) {
    if (method !== 'POST') continue
    await page.goto(origin, {waitUntil: 'commit'})
    const answered = page.waitForResponse(answer => answer.url().startsWith(world.base))
    await page.evaluate(submit, [world.base + path, body.startsWith('{') ? 'text/plain' : 'application/x-www-form-urlencoded', body, 'post'])
    const status = (await answered).status()
    await page.waitForURL(url => url.origin === world.base, {waitUntil: 'commit'})
    check(status >= 400, `${origin}: the form to ${path} was answered with ${status}`)
    tried++
  }
}

// Frames, windows, scripts, streams.
async function holds(page, origin) {
  await page.goto(origin)
  const told = await page.evaluate(async base => {
    const after = (node, address) => new Promise(resolve => {
      node.onload = () => resolve('loaded')
      node.onerror = () => resolve('refused')
      Object.assign(node, {src: address})
      document.body.append(node)
      setTimeout(() => resolve('nothing'), 3000)
    })
    const stream = new Promise(resolve => {
      const source = new EventSource(`${base}/_vouch/events`, {withCredentials: true})
      source.onopen = () => resolve('open')
      source.onerror = () => resolve('refused')
    })
    const socket = new Promise(resolve => {
      const made = new WebSocket(`${base.replace('https', 'wss')}/_vouch/events`)
      made.onopen = () => resolve('open')
      made.onerror = () => resolve('refused')
    })
    return {
      stream: await stream, socket: await socket, script: await after(document.createElement('script'), `${base}/assets/early.js`),
      data: await after(document.createElement('script'), `${base}/_vouch/session`), image: await after(new Image(), `${base}/assets/icon.svg`)
    }
  }, world.base)
  for (const [what, word] of Object.entries(told)) check(word === 'refused', `${origin}: ${what} is ${word}`)
  tried += 5
}

// Of one of our pages in a frame nothing is drawn.
async function framed(page, origin) {
  for (const path of ['/console', '/install', '/sign-in', '/']) {
    await page.goto(origin)
    await page.evaluate(address => new Promise(resolve => {
      const frame = document.createElement('iframe')
      frame.onload = resolve
      frame.src = address
      document.body.append(frame)
    }), world.base + path)
    const [frame] = page.mainFrame().childFrames()
    const text = await frame.evaluate(() => document.body?.innerText ?? '').catch(() => '')
    check(!frame.url().startsWith(world.base) && !/vouch/i.test(text.replaceAll('localhost', '')), `${path} in a frame of ${origin}: ${frame.url()} ${text}`)
    tried++
  }
}

// A window that was opened from there is not in its hand.
async function opened(page, origin) {
  await page.goto(origin)
  const [window] = await Promise.all([page.context().waitForEvent('page'), page.evaluate(url => { globalThis.made = open(url, 'made') }, `${world.base}/console`)])
  await window.waitForLoadState()
  check(await page.evaluate(() => globalThis.made.closed), `${origin} holds the window of our page`)
  check(await window.evaluate(() => globalThis.opener === null), 'our page has no opener')
  await window.close()
  tried++
}

const sessionOf = page => page.evaluate(() => fetch('/_vouch/session').then(answer => answer.json()))

await withBrowser(async open => {
  const {context, page} = await open({watched: false})
  await signIn(page)
  const mine = await sessionOf(page)
  const [{value: cookie}] = (await context.cookies()).filter(one => one.name === '__Host-vouch')
  await ask({ready: true})
  const theirs = await context.newPage()
  for (const origin of world.origins) {
    await theirs.goto(origin)
    await fetches(theirs, origin, mine.csrfToken)
    await forms(theirs, origin)
    await holds(theirs, origin)
    await framed(theirs, origin)
    await opened(theirs, origin)
  }
  await ask({done: true})
  const [{value: after}] = (await context.cookies()).filter(one => one.name === '__Host-vouch')
  check(after === cookie && text(await sessionOf(page)).includes(`"${mine.csrfToken}"`), 'the session is who it was')
  say({tried})
})
