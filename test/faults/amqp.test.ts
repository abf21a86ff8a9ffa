import { describe } from 'vitest'
import { agentsElsewhere } from './amqp-agents.ts'
import { eventsOut } from './amqp-events.ts'
import { tasksIn } from './amqp-tasks.ts'
import { workersAtBroker } from './amqp-worker.ts'

// One file, and so one after the other: some of these stop the broker.
describe('tasks from RabbitMQ', () => {
  tasksIn()
})
describe('agents beyond RabbitMQ', () => {
  agentsElsewhere()
})
describe('events to RabbitMQ', () => {
  eventsOut()
})
describe('troupe worker beside RabbitMQ', () => {
  workersAtBroker()
})
