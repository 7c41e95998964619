//! One HTTP request, to ask a server whether it is ready. An HTTP client would want a TLS
//! provider.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take to answer; after that the request fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the status and the body of `GET http://address/path`.
///
/// # Errors
/// Fails if there is no connection, no answer within 5 s, or an answer that is not HTTP.
pub async fn get(address: &str, path: &str) -> io::Result<(u16, String)> {
    let answer = timeout(PATIENCE, exchange(address, path)).await??;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn exchange(address: &str, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
