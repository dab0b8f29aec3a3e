//! Getting the image that a box is started from.

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use docker_credential::{DockerCredential, get_credential};
use futures_util::TryStreamExt as _;

use super::Engine;
use super::error::{EngineError, sentence, status};
use crate::scenario::{ImageRef, Pull};

/// The registry of images that name none, as Docker's credential store calls it.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// An image that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// As it was asked for.
    pub reference: String,
    /// Its id: the digest of its configuration.
    pub id: String,
    /// The digest at the registry that it came from; none, if it was built or loaded here.
    pub digest: Option<String>,
}

impl Engine {
    /// The image of the box `name`, fetched if `pull` says so.
    ///
    /// # Errors
    /// [`EngineError`] where it is not there, or cannot be fetched.
    pub async fn image(
        &self,
        name: &str,
        image: &ImageRef,
        pull: Pull,
    ) -> Result<ResolvedImage, EngineError> {
        if pull == Pull::Always {
            self.pull(name, image).await?;
        }
        if let Some(found) = self.look_up(image).await? {
            return Ok(found);
        }
        let missing = || EngineError::ImageMissing { image: image.to_string(), name: name.to_owned() };
        match pull {
            Pull::Missing => {}
            Pull::Never => return Err(missing()),
            Pull::Always => {
                return Err(EngineError::Pull {
                    image: image.to_string(),
                    name: name.to_owned(),
                    reason: "it is not there after it was pulled".into(),
                });
            }
        }
        self.pull(name, image).await?;
        self.look_up(image).await?.ok_or_else(missing)
    }

    /// The image, if it is on this machine.
    ///
    /// # Errors
    /// [`EngineError::Asked`] where the engine does not tell.
    pub async fn look_up(&self, image: &ImageRef) -> Result<Option<ResolvedImage>, EngineError> {
        let reference = image.to_string();
        match self.docker.inspect_image(&reference).await {
            Ok(found) => {
                let digests = found.repo_digests.unwrap_or_default();
                let digest = digests.iter().find_map(|digest| {
                    let (name, digest) = digest.split_once('@')?;
                    (name == image.name).then(|| digest.to_owned())
                });
                Ok(Some(ResolvedImage { reference, id: found.id.unwrap_or_default(), digest }))
            }
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(EngineError::Asked { action: "look for an image", reason: sentence(&error) }),
        }
    }

    async fn pull(&self, name: &str, image: &ImageRef) -> Result<(), EngineError> {
        let tag = image.digest.as_deref().or(image.tag.as_deref()).unwrap_or("latest");
        let options = CreateImageOptionsBuilder::new().from_image(&image.name).tag(tag).build();
        let server = image.registry().unwrap_or(DOCKER_HUB).to_owned();
        // Credential helpers are programs.
        let known = tokio::task::spawn_blocking(move || get_credential(&server).ok()).await.ok().flatten();
        let credentials = known.map(|credential| match credential {
            DockerCredential::UsernamePassword(username, password) => DockerCredentials {
                username: Some(username),
                password: Some(password),
                ..DockerCredentials::default()
            },
            DockerCredential::IdentityToken(token) => {
                DockerCredentials { identitytoken: Some(token), ..DockerCredentials::default() }
            }
        });
        let pulled = self.docker.create_image(Some(options), None, credentials);
        pulled.try_for_each(|_| std::future::ready(Ok(()))).await.map_err(|error| {
            let reason = sentence(&error);
            if reason.contains("no space left on device") {
                EngineError::DiskFull { name: name.to_owned(), reason }
            } else {
                EngineError::Pull { image: image.to_string(), name: name.to_owned(), reason }
            }
        })
    }
}
