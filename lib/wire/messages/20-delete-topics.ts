import { api } from '../api.ts';
import { array, int16, int32, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Deletes topics, by name up to 5, by name or id from 6 on. */
export const DeleteTopicsRequest = message('DeleteTopicsRequest', '1-6', '4+', {
  topics: array({ name: string({ nullable: true, default: null }), topicId: uuid() }, '6+'),
  topicNames: array(string(), '1-5', { ignorable: true }),
  timeoutMs: int32(),
});

export const DeleteTopicsResponse = message('DeleteTopicsResponse', '1-6', '4+', {
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  responses: array({
    name: string({ nullable: '6+' }),
    topicId: uuid('6+', { ignorable: true }),
    errorCode: int16(),
    errorMessage: string('5+', { clipped: true, nullable: true, default: null, ignorable: true }),
  }),
});

export const DeleteTopics = api('DeleteTopics', DeleteTopicsRequest, DeleteTopicsResponse);
