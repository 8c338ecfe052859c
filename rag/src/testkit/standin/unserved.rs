//! Calls that are answered with `Unimplemented`.

/// Methods of a service, in the form that `async_trait` gives them.
macro_rules! unserved {
    ($($name:ident($request:ty) -> $answer:ty;)*) => {$(
        fn $name<'life0, 'async_trait>(
            &'life0 self,
            _: tonic::Request<$request>,
        ) -> std::pin::Pin<
            Box<dyn Future<Output = Result<tonic::Response<$answer>, tonic::Status>> + Send + 'async_trait>,
        >
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(std::future::ready(Err(tonic::Status::unimplemented(stringify!($name)))))
        }
    )*};
}

pub(super) use unserved;
