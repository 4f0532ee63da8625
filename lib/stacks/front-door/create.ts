import type { Construct } from 'constructs';
import { StackError } from '../stack-error.ts';
import type { FrontDoorKind } from '../stages.ts';
import type { FrontDoor, FrontDoorProps } from './front-door.ts';
import { HttpFrontDoor } from './http.ts';
import { RestFrontDoor } from './rest.ts';
import { UrlFrontDoor } from './url.ts';

export function createFrontDoor(scope: Construct, kind: FrontDoorKind, props: FrontDoorProps): FrontDoor {
  if (props.jwt !== undefined && kind !== 'http') {
    throw new StackError(`jwt: only an HTTP API checks tokens, the front door ${kind} does not.`);
  }
  switch (kind) {
    case 'http':
      return new HttpFrontDoor(scope, 'HttpApi', props);
    case 'rest':
      return new RestFrontDoor(scope, 'RestApi', props);
    case 'url':
      return new UrlFrontDoor(scope, 'Urls', props);
  }
}
