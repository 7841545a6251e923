// Steps that scripts share.
import {world} from './lib.mjs'

// To a page of the server, until it has drawn itself.
export async function go(page, path) {
  await page.evaluate(() => { delete document.documentElement.dataset.ready }).catch(() => {})
  await page.goto(`${world.base}${path}`)
  await page.locator('html[data-ready]').waitFor({state: 'attached'})
  await page.locator('[aria-busy=true]').first().waitFor({state: 'detached'})
}

export async function signIn(page, {user = world.user, password = world.password, to = '/console'} = {}) {
  await page.goto(`${world.base}/sign-in?return=${encodeURIComponent(to)}`)
  await page.getByLabel('User name').fill(user)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await page.waitForURL(url => url.pathname === to.split(/[?#]/)[0])
  await page.locator('html[data-ready]').waitFor({state: 'attached'})
}
