import type { Construct } from 'constructs';
import type { FrontDoorKind } from '../stages.ts';
import type { FrontDoor, FrontDoorProps } from './front-door.ts';
import { HttpFrontDoor } from './http.ts';
import { RestFrontDoor } from './rest.ts';
import { UrlFrontDoor } from './url.ts';

export function createFrontDoor(scope: Construct, kind: FrontDoorKind, props: FrontDoorProps): FrontDoor {
  switch (kind) {
    case 'http':
      return new HttpFrontDoor(scope, 'HttpApi', props);
    case 'rest':
      return new RestFrontDoor(scope, 'RestApi', props);
    case 'url':
      return new UrlFrontDoor(scope, 'Urls', props);
  }
}
