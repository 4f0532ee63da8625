/** `tidelog/cdk`: Tidelog as a construct, for your own apps. */
export type { FrontDoor } from './front-door/front-door.ts';
export { TidelogGateway, type TidelogGatewayProps } from './gateway.ts';
export { StackError } from './stack-error.ts';
export type {
  FrontDoorKind,
  FunctionName,
  GatewaySize,
  JwtIssuer,
  LogRetentionDays,
  Removal,
  Throttling,
} from './stages.ts';
export { type StateResources, TidelogState, type TidelogStateProps } from './state.ts';
export { type CallWay, Tidelog, type TidelogProps } from './tidelog.ts';
