//! The link of an open socket, and its turn among the other frames.

use std::collections::VecDeque;

use ferry_protocol::{
    DeviceFrame, ErrorCode, FEATURE_LINKS, LINK_CHUNK_MAX, LinkClosed, LinkId, LinkWith, NameLink, Welcome,
};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tracing::debug;

use crate::LinkError;

use super::super::super::wire::Wire;
use super::super::super::{command::LinkRequest, pipe::TaskEnd};

/// The number of waiting frames at which no others are added. The relay reads nothing then: an
/// offer fails, and a decline is left out, because the offer soon ends by itself.
const WAITING_MAX: usize = 64;
/// The shortest frame that the relay must take: an acknowledgement has 5 bytes.
const CHUNK_MIN: usize = 64;

/// The link, or the offer, of one socket. Dropping it ends the link.
pub(super) struct Links {
    // `None` if the relay carries no links.
    chunk_max: Option<usize>,
    current: Option<(LinkId, TaskEnd)>,
    // Frames that go out before those of the current link. Besides `WAITING_MAX` there are those
    // that an abandoned link has left: at most a window, because no other link opens before they
    // are written.
    waiting: VecDeque<Message>,
}

impl Links {
    pub(super) fn new(welcome: &Welcome) -> Self {
        let carries = welcome.features.iter().any(|feature| feature == FEATURE_LINKS);
        let chunk_max = LINK_CHUNK_MAX.min(welcome.limits.frame);
        let chunk_max = (carries && chunk_max >= CHUNK_MIN).then_some(chunk_max);
        Self { chunk_max, current: None, waiting: VecDeque::new() }
    }

    /// Does what the caller asks for.
    pub(super) fn request(&mut self, request: LinkRequest) {
        self.let_go();
        match request {
            LinkRequest::Open(link, frame, end) => self.open(link, &frame, end),
            LinkRequest::Decline(link, taken) => {
                if self.chunk_max.is_some() && !self.is_current(link) {
                    self.say_closed(link);
                }
                let _ = taken.send(());
            }
        }
    }

    fn open(&mut self, link: LinkId, frame: &DeviceFrame, end: TaskEnd) {
        if self.chunk_max.is_none() {
            end.end(LinkError::Unsupported);
        } else if self.current.is_some() {
            end.end(LinkError::Busy);
        } else if self.waiting.len() >= WAITING_MAX {
            end.end(LinkError::NotConnected);
        } else {
            self.waiting.push_back(Message::text(frame.to_json()));
            self.current = Some((link, end));
        }
    }

    fn is_current(&self, link: LinkId) -> bool {
        self.current.as_ref().is_some_and(|(current, _)| *current == link)
    }

    /// Tells the relay that this device does not want the link, or has closed it.
    fn say_closed(&mut self, link: LinkId) {
        if self.waiting.len() < WAITING_MAX {
            self.push_closed(link);
        }
    }

    fn push_closed(&mut self, link: LinkId) {
        self.waiting.push_back(Message::text(DeviceFrame::LinkClosed(NameLink { link }).to_json()));
    }

    /// Closes the link if the caller has dropped it.
    fn let_go(&mut self) {
        if let Some((link, end)) = &self.current
            && let Some(left) = end.left()
        {
            let link = *link;
            self.waiting.extend(left.into_iter().map(Message::Binary));
            self.push_closed(link);
            self.current = None;
        }
    }

    /// Handles `link_accept`: a link is open.
    pub(super) fn accepted(&mut self, with: LinkWith) {
        self.let_go();
        match (&self.current, self.chunk_max) {
            (Some((link, end)), Some(chunk_max)) if *link == with.link => end.open(with.from, chunk_max),
            // The caller has dropped it meanwhile.
            _ => self.say_closed(with.link),
        }
    }

    /// Handles `link_closed`. It may name a link that the caller has dropped, or an offer that is
    /// gone.
    pub(super) fn closed(&mut self, closed: LinkClosed) {
        if self.is_current(closed.link) {
            self.end(LinkError::Closed(closed.reason));
        }
    }

    /// Handles an error that names no message. A relay that does not know the frame of the offer
    /// carries no links.
    pub(super) fn refused(&mut self, code: ErrorCode) {
        let asked = self.current.as_ref().is_some_and(|(_, end)| !end.is_open());
        if asked && code == ErrorCode::UnknownType {
            self.end(LinkError::Unsupported);
        }
    }

    /// Handles a binary frame. Before `link_accept` it belongs to an earlier link.
    pub(super) fn received(&mut self, frame: &Bytes) {
        let Some((link, end)) = self.current.as_ref().filter(|(_, end)| end.is_open()) else { return };
        if let Err(fault) = end.read(frame) {
            debug!(%link, fault, "the other device of a link is at fault");
            let link = *link;
            self.end(LinkError::Protocol(fault));
            self.push_closed(link);
        }
    }

    fn end(&mut self, error: LinkError) {
        if let Some((_, end)) = self.current.take() {
            end.end(error);
        }
    }

    fn next(&mut self) -> Option<Message> {
        let of_link = || self.current.as_ref()?.1.next_frame().map(Message::Binary);
        self.waiting.pop_front().or_else(of_link)
    }

    /// Queues the next frames, if it is their turn.
    pub(super) fn write(&mut self, wire: &mut Wire) {
        self.let_go();
        while wire.has_turn()
            && let Some(frame) = self.next()
        {
            wire.link(frame);
        }
    }

    /// Ends the link, and queues what a caller left that has dropped it before.
    pub(super) fn finish(&mut self, wire: &mut Wire) {
        self.let_go();
        self.end(LinkError::NotConnected);
        self.waiting.drain(..).for_each(|frame| wire.link(frame));
    }
}
