//! The links of a connection: it offers one, or accepts one that it was told of, and moves its
//! frames.

use std::time::Instant;

use bytes::Bytes;
use ferry_protocol::{CloseCode, LINK_CHUNK_MAX, LinkClosed, LinkEnd, LinkId, LinkWith, OfferLink, RelayFrame};

use super::{Pump, ending::End, say};
use crate::{
    links::{self, News},
    metrics::Written,
};

/// Offers that the device was told of and may accept. Beyond this limit the oldest is forgotten.
const OFFERS: usize = 8;

/// How often a socket may be full of messages before a link has its turn.
const TURN: u8 = 4;

/// What a connection knows of links.
#[derive(Debug, Default)]
pub(super) struct OfDevice {
    /// Offers that the device was told of, and when.
    offers: Vec<(LinkWith, Instant)>,
    end: Option<links::End>,
    /// How often the socket was full since the link had its turn.
    waited: u8,
}

impl OfDevice {
    /// Takes an offer that the device was told of, and that still stands.
    fn take_offer(&mut self, link: LinkId) -> Option<LinkWith> {
        self.offers.retain(|(_, told)| told.elapsed() < links::OFFER);
        let place = self.offers.iter().position(|(with, _)| with.link == link)?;
        Some(self.offers.remove(place).0)
    }
}

/// Waits for news of the connection's link. Without one it waits for ever. Cancel-safe.
pub(super) async fn next(links: &mut Option<Box<OfDevice>>) -> News {
    match links.as_mut().and_then(|links| links.end.as_mut()) {
        Some(end) => end.next().await,
        None => std::future::pending().await,
    }
}

impl Pump {
    /// Remembers an offer that the device is told of.
    pub(super) fn link_offered(&mut self, with: LinkWith) {
        let offers = &mut self.links.get_or_insert_default().offers;
        if offers.len() >= OFFERS {
            offers.remove(0);
        }
        offers.push((with, Instant::now()));
    }

    pub(super) fn offer_link(&mut self, offer: OfferLink) -> Result<(), End> {
        let links = self.links.get_or_insert_default();
        let outcome = match links.end {
            Some(_) => Err(LinkEnd::Busy),
            None => self.app.links.offer(&self.registration.line, offer),
        };
        self.linked(offer.link, outcome)
    }

    pub(super) fn accept_link(&mut self, link: LinkId) -> Result<(), End> {
        let links = self.links.get_or_insert_default();
        // An offer can be accepted once, even if the device cannot be served now.
        let outcome = match (links.take_offer(link), &links.end) {
            (None, _) => Err(LinkEnd::NotFound),
            (Some(_), Some(_)) => Err(LinkEnd::Busy),
            (Some(with), None) => self.app.links.accept(&self.registration.line, with),
        };
        self.linked(link, outcome)
    }

    fn linked(&mut self, link: LinkId, outcome: Result<links::End, LinkEnd>) -> Result<(), End> {
        match outcome {
            Ok(end) => {
                self.links.get_or_insert_default().end = Some(end);
                self.count_idle_frame()
            }
            Err(reason) => {
                self.app.metrics.links_closed.with_label_values(&[reason.as_str()]).inc();
                say(&self.app, &mut self.socket, &RelayFrame::LinkClosed(LinkClosed { link, reason }));
                self.count_refused()
            }
        }
    }

    /// Closes the device's link, takes its offer back, or declines an offer.
    pub(super) fn close_link(&mut self, link: LinkId) -> Result<(), End> {
        if let Some(links) = &mut self.links {
            if let Some(end) = links.end.take_if(|end| end.link == link) {
                end.close(LinkEnd::Closed);
            } else if links.take_offer(link).is_some() {
                self.app.links.decline(&self.registration.line, link);
            }
        }
        self.count_idle_frame()
    }

    /// Hands a frame of the device over.
    ///
    /// A device that never heard of a link breaks the protocol. Otherwise the link may have ended
    /// while the frame was on its way, and it is dropped.
    pub(super) fn chunk(&mut self, chunk: Bytes) -> Result<(), End> {
        let Some(links) = self.links.as_mut().filter(|_| chunk.len() <= LINK_CHUNK_MAX) else {
            return Err(CloseCode::Protocol.into());
        };
        match &links.end {
            Some(end) if end.send(chunk) => Ok(()),
            Some(end) => {
                let (link, reason) = (end.link, LinkEnd::Overflow);
                links.end.take().into_iter().for_each(|end| end.close(reason));
                say(&self.app, &mut self.socket, &RelayFrame::LinkClosed(LinkClosed { link, reason }));
                Ok(())
            }
            None => self.count_refused(),
        }
    }

    /// Writes what a link has, while the socket takes bytes.
    pub(super) fn link_news(&mut self, first: News) {
        let mut next = Some(first);
        while let (Some(news), Some(links)) = (next, &mut self.links) {
            let Some(link) = links.end.as_ref().map(|end| end.link) else { return };
            match news {
                News::Open(with) => say(&self.app, &mut self.socket, &RelayFrame::LinkAccept(with)),
                News::Chunk(chunk) => {
                    self.app.metrics.frames.written(Written::Binary);
                    self.socket.binary(&chunk);
                }
                News::Closed(reason) => {
                    links.end = None;
                    say(&self.app, &mut self.socket, &RelayFrame::LinkClosed(LinkClosed { link, reason }));
                }
            }
            // One frame may be as large as the buffer for writing, so one at a time.
            next = None;
            if self.socket.has_room() {
                next = links.end.as_mut().and_then(links::End::try_next);
            }
        }
    }

    /// Gives the link a turn, now and then, on a socket that messages keep full.
    pub(super) fn turn_of_link(&mut self) {
        let Some(links) = &mut self.links else { return };
        links.waited += 1;
        if links.waited >= TURN {
            self.some_of_link();
        }
    }

    /// Lets one frame of the link through behind a batch of messages, which may come without a
    /// pause.
    pub(super) fn some_of_link(&mut self) {
        if let Some(links) = &mut self.links
            && self.socket.has_room()
        {
            links.waited = 0;
            if let Some(news) = links.end.as_mut().and_then(links::End::try_next) {
                self.link_news(news);
            }
        }
    }
}
