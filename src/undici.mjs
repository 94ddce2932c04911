/**
 * What the bundle takes in the place of undici: connections, proxies and requests. The rest of it (fetch, WebSocket,
 * mocks, caches) would be loaded at every start, whether used or not. Plain JavaScript, because the parts have no types.
 */
import api from "undici/lib/api/index.js"
import buildConnector from "undici/lib/core/connect.js"
import Agent from "undici/lib/dispatcher/agent.js"
import Dispatcher from "undici/lib/dispatcher/dispatcher.js"
import Pool from "undici/lib/dispatcher/pool.js"
import ProxyAgent from "undici/lib/dispatcher/proxy-agent.js"

// As its own index does.
Object.assign(Dispatcher.prototype, api)

/** For the kubeconfig library, in parts of it that are not used. */
export const fetch = (...request) => globalThis.fetch(...request)

export { Agent, buildConnector, Dispatcher, Pool, ProxyAgent }
export default { Agent, buildConnector, Dispatcher, Pool, ProxyAgent }
