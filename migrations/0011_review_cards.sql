-- The look afterwards at a break-glass access has cards of its own: in the channel, and in the messages
-- of those who may look at it.

alter table cards drop constraint cards_kind_check;
alter table cards add constraint cards_kind_check check (kind in ('card', 'approver', 'holder', 'review'));
comment on column cards.kind is 'card: in a channel; approver: in an approver''s direct messages; holder: in the requester''s; review: about the look afterwards, in a channel or in a reviewer''s messages.';
