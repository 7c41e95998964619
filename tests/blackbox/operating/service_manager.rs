//! systemd: what it is told, and a socket that it opens for the relay.

use std::{
    fs::File,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Backend, DEADLINE, World, until, variable, within};

/// A service manager that hears what a relay tells.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Manager {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, path, _directory: directory }
    }

    /// Returns the next message that is no sign of life.
    fn next(&self) -> String {
        loop {
            let message = self.any();
            if message != "WATCHDOG=1" {
                return message;
            }
        }
    }

    fn any(&self) -> String {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes).expect("the relay says nothing");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_is_told_how_the_relay_is() {
    let manager = Manager::start();
    let flags = [
        variable("NOTIFY_SOCKET", manager.path.to_str().unwrap()),
        variable("WATCHDOG_USEC", "200000"),
        "--drain-delay".to_owned(),
        "300".to_owned(),
    ];
    let mut world = World::start_with(Backend::Embedded, &flags).await;
    assert!(manager.next().starts_with("READY=1\n"));
    while manager.any() != "WATCHDOG=1" {}

    world.relay().ask_to_reload();
    let reloading = manager.next();
    let usec = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(reloading.starts_with("RELOADING=1\n") && usec.parse::<u64>().unwrap() > 0, "{reloading}");
    assert!(manager.next().starts_with("READY=1\n"));

    world.relay().ask_to_stop();
    assert!(manager.next().starts_with("STOPPING=1\n"));
    // It is not ready any more, and still takes connections.
    until("the relay is not ready", || async {
        let answer = reqwest::get(world.relay().url("/readyz")).await.unwrap();
        (answer.status() == 503 && answer.text().await.unwrap().contains("\"stopping\"")).then_some(())
    })
    .await;
    assert_eq!(reqwest::get(world.relay().url("/healthz")).await.unwrap().status(), 200);
    // While it waits, it gives signs of life.
    while manager.any() != "WATCHDOG=1" {}
    // The second signal hurries.
    world.relay().ask_to_stop();
    assert!(world.relay_mut().ended().await.success());
}

/// A relay whose socket is ours: it outlives the relay.
struct Activated {
    listener: TcpListener,
    arguments: Vec<String>,
    log: PathBuf,
}

impl Activated {
    fn run(&self) -> Running {
        // The shell puts the socket where sd_listen_fds(3) wants it, and knows the process id.
        let shell = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let socket: OwnedFd = self.listener.try_clone().unwrap().into();
        let child = Command::new("sh")
            .args(["-c", shell, "sh", env!("CARGO_BIN_EXE_ferry"), "serve"])
            .args(&self.arguments)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Running(child.unwrap())
    }
}

/// Killed when dropped.
struct Running(Child);

impl Running {
    async fn stop(mut self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        let status = until("the relay ends", || {
            let status = self.0.try_wait().unwrap();
            async move { status }
        });
        assert!(status.await.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Connects, asks, and returns the whole answer.
async fn answer(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_a_socket_of_the_service_manager_refuses_nobody() {
    const CLIENTS: usize = 8;
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let database = format!("sqlite://{}", directory.path().join("ferry.db").display());
    let arguments = ["--database", &database, "--listen", "127.0.0.1:1", "--argon2-memory", "64", "--no-rate-limits"];
    let (arguments, log) = (arguments.map(str::to_owned).to_vec(), directory.path().join("log"));
    let activated = Activated { listener, arguments, log };

    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (address, stop, answered) = (address.clone(), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let said = within(answer(&address)).await.expect("a connection is refused or lost");
                    assert!(said.starts_with("HTTP/1.1 200 "), "{said:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        })
        .collect();
    // The clients connect before there is a relay, and while it is replaced.
    for _ in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        let relay = activated.run();
        until("clients are answered", || async {
            (answered.load(Ordering::Relaxed) >= before + 20 * CLIENTS).then_some(())
        })
        .await;
        relay.stop().await;
    }
    let last = activated.run();
    let before = answered.load(Ordering::Relaxed);
    until("the last ones are answered", || async {
        (answered.load(Ordering::Relaxed) >= before + 2 * CLIENTS).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    last.stop().await;
    let log = std::fs::read_to_string(&activated.log).unwrap();
    assert!(log.contains("the service manager has opened the socket"), "{log}");
}
