//! One HTTP request, to ask a server whether it is ready. An HTTP client would want a TLS
//! provider.

use std::{future::Future, io, path::Path, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// How long a server may take to answer; after that the request fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the status and the body of `GET http://address/path`.
///
/// # Errors
/// Fails if there is no connection, no answer within 5 s, or an answer that is not HTTP.
pub async fn get(address: &str, path: &str) -> io::Result<(u16, String)> {
    answer(async { exchange(TcpStream::connect(address).await?, address, path).await }).await
}

/// Returns the status and the body of `GET path` over a Unix socket.
///
/// # Errors
/// Fails as [`get`] does.
pub async fn get_over(socket: &Path, path: &str) -> io::Result<(u16, String)> {
    answer(async { exchange(UnixStream::connect(socket).await?, "localhost", path).await }).await
}

async fn answer(exchange: impl Future<Output = io::Result<Vec<u8>>>) -> io::Result<(u16, String)> {
    let answer = timeout(PATIENCE, exchange).await??;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> io::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
